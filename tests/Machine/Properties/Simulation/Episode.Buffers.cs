using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <content>Buffers of heaps, their fds, and tokens in flight.</content>
internal sealed partial class Episode
{
    private void Allocate()
    {
        if (_fds.Count > MostPicks)
        {
            Release();
            return;
        }

        GuestProcess process = Somebody();
        ulong length = _dice.OneIn(40) ? Odd[_dice.Below(Odd.Length)]
            : _dice.OneIn(60) ? 1UL << 20
            : Sizes[_dice.Below(Sizes.Length)] - (ulong)_dice.Below(64);
        uint fdFlags = _dice.OneIn(30) ? (uint)_dice.Bits() : _dice.OneIn(8) ? 0u : 0x80002;
        ulong heapFlags = _dice.OneIn(6) ? 1UL : 0;
        Result<BufferHandle> result = _guest.Heaps.Allocate(process, _heaps[_dice.Below(_heaps.Length)], length, fdFlags, heapFlags);
        if (Note(result))
        {
            _digest.Add((uint)result.Value.Fd);
            _digest.Add(result.Value.Inode);
            Keep(_fds, (process, result.Value.Fd, result.Value.Size));
        }
    }

    private void Release()
    {
        if (_dice.OneIn(50))
        {
            Note(_guest.Buffers.Release(Somebody(), (int)_dice.Bits()));
        }
        else if (Take(_fds, out (GuestProcess Process, int Fd, ulong) fd))
        {
            Note(_guest.Buffers.Release(fd.Process, fd.Fd));
        }
    }

    private void Stat()
    {
        if (Pick(_fds, out (GuestProcess Process, int Fd, ulong) fd))
        {
            Result<BufferStat> result = _guest.Buffers.Stat(fd.Process, fd.Fd);
            if (Note(result))
            {
                _digest.Add(result.Value.Count);
            }
        }
    }

    private void Name()
    {
        if (Pick(_fds, out (GuestProcess Process, int Fd, ulong) fd))
        {
            Note(_guest.Buffers.SetName(fd.Process, fd.Fd, new string('n', _dice.Below(40))));
        }
    }

    private void Export()
    {
        if (!Pick(_fds, out (GuestProcess Process, int Fd, ulong) fd))
        {
            return;
        }

        TimeSpan life = _dice.OneIn(20) ? TimeSpan.FromDays(_dice.Below(3) - 1) : TimeSpan.FromSeconds(_dice.Below(200));
        Result<Handle128> result = _guest.Buffers.Export(fd.Process, fd.Fd, _dice.OneIn(3) ? Somebody().Handle : null, life);
        if (Note(result) && _tokens.Count < MostPicks)
        {
            _tokens.Add(result.Value);
        }
    }

    private void Import()
    {
        Handle128 token = _dice.OneIn(10) || !Pick(_tokens, out Handle128 known) ? new Handle128(_dice.Bits(), _dice.Bits()) : known;
        GuestProcess process = Somebody();
        Result<BufferHandle> result = _guest.Buffers.Import(process, token);
        if (Note(result))
        {
            _tokens.Remove(token);
            Keep(_fds, (process, result.Value.Fd, result.Value.Size));
        }
    }
}
