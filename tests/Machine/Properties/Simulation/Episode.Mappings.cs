using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <content>Address spaces: mappings, loads, stores, pins of user memory.</content>
internal sealed partial class Episode
{
    private void Mmap()
    {
        if (_vmas.Count > MostPicks || _dice.OneIn(12))
        {
            MmapAnonymous();
            return;
        }

        if (!Pick(_fds, out (GuestProcess Process, int Fd, ulong Size) fd))
        {
            return;
        }

        ulong offset = _dice.OneIn(30) ? Odd[_dice.Below(Odd.Length)]
            : _dice.OneIn(4) ? ((ulong)_dice.Below((int)(fd.Size >> 12) + 1)) << 12
            : 0;
        ulong? length = _dice.OneIn(30) ? Odd[_dice.Below(Odd.Length)]
            : _dice.OneIn(3) ? 1 + (ulong)_dice.Below((int)fd.Size)
            : null;
        MapFlags flags = _dice.OneIn(8) ? (MapFlags)_dice.Below(5) : MapFlags.Shared;
        MapProtection? protection = _dice.OneIn(8) ? (MapProtection)_dice.Below(9) : null;
        Result<MmapResult> result = _guest.Mappings.Mmap(fd.Process, fd.Fd, offset, length, protection, flags);
        if (Note(result))
        {
            _digest.Add(result.Value.Address);
            Keep(_vmas, (fd.Process, result.Value.Address, result.Value.Length));
        }
    }

    private void MmapAnonymous()
    {
        if (_vmas.Count > MostPicks)
        {
            Munmap();
            return;
        }

        GuestProcess process = Somebody();
        MapFlags flags = MapFlags.Anonymous | (_dice.OneIn(3) ? MapFlags.Shared : MapFlags.Private);
        Result<MmapResult> result = _guest.Mappings.Mmap(process, -1, 0, (ulong)_dice.Below(1 << 16), (MapProtection)_dice.Below(4), flags);
        if (Note(result))
        {
            _digest.Add(result.Value.Address);
            Keep(_vmas, (process, result.Value.Address, result.Value.Length));
        }
    }

    private void Munmap()
    {
        if (!Take(_vmas, out (GuestProcess Process, ulong Address, ulong Length) vma))
        {
            return;
        }

        if (_dice.OneIn(8) && vma.Length > 8192)
        {
            // A hole in the middle: what is left of both sides stays known.
            Note(_guest.Mappings.Munmap(vma.Process, vma.Address + 4096, 4096));
            Keep(_vmas, (vma.Process, vma.Address, 4096UL));
            Keep(_vmas, (vma.Process, vma.Address + 8192, vma.Length - 8192));
        }
        else
        {
            Note(_dice.OneIn(2)
                ? _guest.Mappings.Munmap(vma.Process, vma.Address)
                : _guest.Mappings.Munmap(vma.Process, vma.Address, vma.Length));
        }
    }

    private void Store()
    {
        if (Place(out (GuestProcess Process, ulong Address, ulong Length) vma, out ulong address, out int length))
        {
            Span<byte> bytes = _bytes.AsSpan(0, length);
            bytes.Fill((byte)_dice.Below(256));
            Note(_guest.Mappings.Store(vma.Process, address, bytes));
        }
    }

    private void Load()
    {
        if (Place(out (GuestProcess Process, ulong Address, ulong Length) vma, out ulong address, out int length))
        {
            Span<byte> bytes = _bytes.AsSpan(0, length);
            Failure? failure = _guest.Mappings.Load(vma.Process, address, bytes);
            Note(failure);
            NoteBytes(failure, bytes);
        }
    }

    private void NoteBytes(Failure? failure, ReadOnlySpan<byte> bytes)
    {
        if (failure is null && bytes.Length > 0)
        {
            _digest.Add(bytes[..Math.Min(8, bytes.Length)]);
            _digest.Add(bytes[^1]);
        }
    }

    // Mostly inside a mapping; now and then over its end.
    private bool Place(out (GuestProcess Process, ulong Address, ulong Length) vma, out ulong address, out int length)
    {
        address = 0;
        length = 1 + _dice.Below(_dice.OneIn(32) ? 4096 : MostBytes);
        if (!Pick(_vmas, out vma))
        {
            return false;
        }

        int room = (int)Math.Max(1, (long)vma.Length - length + (_dice.OneIn(64) ? 64 : 0));
        address = _dice.OneIn(200) ? _dice.Bits() : vma.Address + (ulong)_dice.Below(room);
        return true;
    }

    private void Protect()
    {
        if (Pick(_vmas, out (GuestProcess Process, ulong Address, ulong Length) vma))
        {
            Note(_guest.Mappings.Mprotect(vma.Process, vma.Address, _dice.OneIn(3) ? 4096 : vma.Length, (MapProtection)_dice.Below(8)));
        }
    }

    private void Touch()
    {
        if (Pick(_vmas, out (GuestProcess Process, ulong Address, ulong Length) vma))
        {
            _digest.Add((ulong)_guest.Mappings.Touch(
                vma.Process, vma.Address + (ulong)_dice.Below((int)vma.Length), _dice.OneIn(2)).Signal);
        }
    }

    private void Pin()
    {
        if (_pins.Count > 16)
        {
            Unpin();
        }
        else if (Pick(_vmas, out (GuestProcess Process, ulong Address, ulong Length) vma))
        {
            Result<UserPin> result = _guest.Pins.Pin(vma.Process, vma.Address, Math.Min(vma.Length, 1 << 15), _dice.OneIn(2));
            if (Note(result))
            {
                _digest.Add((uint)result.Value.Pages.Count);
                _pins.Add((vma.Process, result.Value.Id));
            }
        }
    }

    private void Unpin()
    {
        if (Take(_pins, out (GuestProcess Process, ulong Id) pin))
        {
            Note(_guest.Pins.Unpin(pin.Process, pin.Id));
        }
    }
}
