using CocoGuest.Machine;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Faults;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <content>The operations.</content>
internal sealed partial class Episode
{
    private static readonly (OpKind Kind, int Weight)[] Weights =
    [
        (OpKind.Allocate, 9), (OpKind.Release, 9), (OpKind.Mmap, 7), (OpKind.Munmap, 7), (OpKind.Store, 14), (OpKind.Load, 12),
        (OpKind.Attach, 6), (OpKind.Map, 7), (OpKind.Unmap, 7), (OpKind.Detach, 6), (OpKind.Sync, 4), (OpKind.DmaWrite, 6), (OpKind.DmaRead, 6),
        (OpKind.WildWrite, 2), (OpKind.WildRead, 2), (OpKind.HostRead, 3), (OpKind.Export, 3), (OpKind.Import, 3), (OpKind.Advance, 1),
        (OpKind.Open, 1), (OpKind.End, 1), (OpKind.Register, 1), (OpKind.Unregister, 1), (OpKind.OpenFd, 3),
    ];

    private static readonly OpKind[] Wheel = [.. Weights.SelectMany(w => Enumerable.Repeat(w.Kind, w.Weight))];
    private static readonly ulong[] Sizes = [4096, 4096, 4096, 4096, 8192, 8192, 12288, 20480, 65536, 69632];
    private static readonly ulong[] Odd = [0, 1, 4095, 4097, 1UL << 31, 1UL << 32, 1UL << 52, 1UL << 63, ulong.MaxValue, ulong.MaxValue - 4095];

    /// <summary>One operation.</summary>
    public void Step()
    {
        OpKind kind = Wheel[_dice.Below(Wheel.Length)];
        _digest.Add((ulong)kind);
        Do(kind);
    }

    private void Do(OpKind kind)
    {
        switch (kind)
        {
            case OpKind.Allocate: Allocate(); break;
            case OpKind.Release: Release(); break;
            case OpKind.Mmap: Mmap(); break;
            case OpKind.Munmap: Munmap(); break;
            case OpKind.Store: Store(); break;
            case OpKind.Load: Load(); break;
            case OpKind.Attach: Attach(); break;
            case OpKind.Map: Map(); break;
            case OpKind.Unmap: Unmap(); break;
            case OpKind.Detach: Detach(); break;
            case OpKind.Sync: Sync(); break;
            case OpKind.DmaWrite: Dma(write: true); break;
            case OpKind.DmaRead: Dma(write: false); break;
            case OpKind.WildWrite: Wild(write: true); break;
            case OpKind.WildRead: Wild(write: false); break;
            case OpKind.HostRead: HostRead(); break;
            case OpKind.Export: Export(); break;
            case OpKind.Import: Import(); break;
            case OpKind.Advance: Advance(); break;
            case OpKind.Open: Open(); break;
            case OpKind.End: End(); break;
            case OpKind.Register: Register(); break;
            case OpKind.Unregister: Unregister(); break;
            default: Rare(); break;
        }
    }

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
        Result<BufferHandle> result = _guest.Buffers.Allocate(process, _heaps[_dice.Below(_heaps.Length)], length, fdFlags, heapFlags);
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

        ulong offset = _dice.OneIn(30) ? Odd[_dice.Below(Odd.Length)] : _dice.OneIn(4) ? ((ulong)_dice.Below((int)(fd.Size >> 12) + 1)) << 12 : 0;
        ulong? length = _dice.OneIn(30) ? Odd[_dice.Below(Odd.Length)] : _dice.OneIn(3) ? 1 + (ulong)_dice.Below((int)fd.Size) : null;
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
        Result<MmapResult> result = _guest.Mappings.MmapAnonymous(process, (ulong)_dice.Below(1 << 16), (MapProtection)_dice.Below(4));
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
            Note(_dice.OneIn(2) ? _guest.Mappings.Munmap(vma.Process, vma.Address) : _guest.Mappings.Munmap(vma.Process, vma.Address, vma.Length));
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

    private void Attach()
    {
        if (_attachments.Count > MostPicks)
        {
            Detach();
            return;
        }

        if (!Pick(_fds, out (GuestProcess Process, int Fd, ulong) fd))
        {
            return;
        }

        string device = Pick(_devices, out (GuestProcess, string Name) own) && _dice.OneIn(2) ? own.Name : "";
        Result<ImportedBuffer> result = _guest.Importers.Attach(fd.Process, fd.Fd, device);
        if (Note(result))
        {
            _digest.Add(result.Value.Attachment);
            Keep(_attachments, (fd.Process, result.Value.Attachment));
        }
    }

    private void Map()
    {
        if (!Pick(_attachments, out (GuestProcess Process, ulong Id) attachment))
        {
            return;
        }

        var direction = (DmaDirection)_dice.Below(3);
        Result<DmaMapping> result = _guest.Importers.Map(attachment.Process, attachment.Id, direction, (uint)_dice.Below(3));
        if (!Note(result))
        {
            return;
        }

        DmaMapping mapping = result.Value;
        _digest.Add(mapping.AddressOf(0));
        int segment = _dice.Below(mapping.Count);
        string device = attachment.Process.Attachments[attachment.Id].GuestDevice.Name;
        if (_mapped.Count > MostPicks)
        {
            Take(_mapped, out _);
        }

        _mapped.Add((attachment.Process, device, mapping.AddressOf(segment), mapping.LengthOf(segment)));
    }

    private void Unmap()
    {
        if (Pick(_attachments, out (GuestProcess Process, ulong Id) attachment))
        {
            Note(_guest.Importers.Unmap(attachment.Process, attachment.Id));
        }
    }

    private void Detach()
    {
        if (!Take(_attachments, out (GuestProcess Process, ulong Id) attachment))
        {
            return;
        }

        Failure? failure = _guest.Importers.Detach(attachment.Process, attachment.Id);
        Note(failure);
        if (failure?.Errno == Errno.EBUSY)
        {
            _attachments.Add(attachment);
        }
    }

    private void Sync()
    {
        if (Pick(_fds, out (GuestProcess Process, int Fd, ulong) fd))
        {
            Result<SyncOutcome> result = _guest.Importers.Sync(fd.Process, fd.Fd, _dice.OneIn(20) ? _dice.Bits() : (ulong)_dice.Below(8));
            if (Note(result))
            {
                _digest.Add(result.Value.BytesToBuffer);
            }
        }
    }

    // What was mapped once may be gone, and its memory somebody else's: a device does not know.
    private void Dma(bool write)
    {
        if (Pick(_mapped, out (GuestProcess Process, string Device, ulong Address, ulong Length) place))
        {
            int length = 1 + _dice.Below((int)Math.Min(place.Length, MostBytes));
            Reach(place.Process, place.Device, place.Address + (ulong)_dice.Below((int)place.Length - length + 1), length, write);
        }
    }

    private void Wild(bool write)
    {
        ulong address = _dice.OneIn(16) ? _dice.Bits() : (_dice.Bits() % _guest.Host.EndAddress);
        Reach(Somebody(), "", address, 1 + _dice.Below(MostBytes), write);
    }

    private void Reach(GuestProcess process, string device, ulong address, int length, bool write)
    {
        Span<byte> bytes = _bytes.AsSpan(0, length);
        if (write)
        {
            bytes.Fill((byte)_dice.Below(256));
            Note(_guest.Devices.DmaWrite(process, device, address, bytes));
            return;
        }

        Failure? failure = _guest.Devices.DmaRead(process, device, address, bytes);
        Note(failure);
        NoteBytes(failure, bytes);
    }

    private void HostRead()
    {
        Span<byte> bytes = _bytes.AsSpan(0, 1 + _dice.Below(64));
        ulong address = Pick(_mapped, out (GuestProcess, string, ulong Address, ulong) place) && _dice.OneIn(2)
            ? _guest.Dma.Environment.Encoding.Physical(place.Address)
            : _dice.Bits() % (_guest.Host.EndAddress + 4096);
        Failure? failure = _guest.Host.Read(address, bytes);
        Note(failure);
        NoteBytes(failure, bytes);
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

    private void Advance()
    {
        _test.Time.Advance(TimeSpan.FromSeconds(_dice.Below(40)));
        _guest.Buffers.ExpireTokens();
        if (_tokens.Count > MostPicks / 2)
        {
            _tokens.RemoveRange(0, _tokens.Count / 2);
        }
    }

    private void Open()
    {
        if (_processes.Count >= MostProcesses)
        {
            End();
            return;
        }

        Result<GuestProcess> result = _dice.OneIn(3) ? _guest.Processes.Fork(Somebody()) : _guest.Processes.Open("p");
        if (Note(result))
        {
            _processes.Add(result.Value);
            Inherit(result.Value);
        }
    }

    // Some of what a forked child has from its parent, for use later.
    private void Inherit(GuestProcess child)
    {
        foreach (Vma vma in child.Addresses.Ascending().Take(8))
        {
            Keep(_vmas, (child, vma.Start, vma.Length));
        }
    }

    private void End()
    {
        GuestProcess process = Somebody();
        Note(_guest.Processes.End(process));
        if (process.Alive)
        {
            return;
        }

        _processes.Remove(process);
        if (_dice.OneIn(4))
        {
            return; // Calls of the dead go on for a while.
        }

        _fds.RemoveAll(f => ReferenceEquals(f.Process, process));
        _vmas.RemoveAll(v => ReferenceEquals(v.Process, process));
        _attachments.RemoveAll(a => ReferenceEquals(a.Process, process));
        _mapped.RemoveAll(m => ReferenceEquals(m.Process, process));
        _devices.RemoveAll(d => ReferenceEquals(d.Process, process));
        _pins.RemoveAll(p => ReferenceEquals(p.Process, process));
    }

    private void Register()
    {
        GuestProcess process = Somebody();
        Result<GuestDevice> result = _guest.Devices.Register(process, new DeviceSpec
        {
            Name = _dice.OneIn(10) ? "" : $"d{++_names}",
            Trusted = _dice.OneIn(3),
            Mediated = _dice.OneIn(3),
            MinAlignMask = _dice.OneIn(3) ? 4095UL : 0,
            DmaMask = _dice.OneIn(4) ? _dice.Bits() : ulong.MaxValue,
        });
        if (Note(result))
        {
            Keep(_devices, (process, result.Value.Name));
        }
    }

    private void Unregister()
    {
        if (Take(_devices, out (GuestProcess Process, string Name) device))
        {
            Note(_guest.Devices.Unregister(device.Process, device.Name));
        }
    }

    private void Rare()
    {
        switch (_dice.Below(8))
        {
            case 0: Stat(); break;
            case 1: Name(); break;
            case 2: Pin(); break;
            case 3: Unpin(); break;
            case 4: Protect(); break;
            case 5: Touch(); break;
            case 6: Exec(); break;
            default: Fault(); break;
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
            _digest.Add((ulong)_guest.Mappings.Touch(vma.Process, vma.Address + (ulong)_dice.Below((int)vma.Length), _dice.OneIn(2)).Signal);
        }
    }

    private void Exec()
    {
        if (_dice.OneIn(10))
        {
            Note(_guest.Processes.Exec(Somebody()));
        }
    }

    private void Fault()
    {
        if (!_faulty)
        {
            return;
        }

        if (_dice.OneIn(2))
        {
            _guest.Faults.ClearAll();
            return;
        }

        var point = (FaultPoint)_dice.Below(FaultPointInfo.All.Count);
        Note(_guest.Faults.Inject(new FaultSpec(point) { Probability = (uint)_dice.Below(30), Times = 1 + _dice.Below(3), Seed = _dice.Bits() }));
        Note(_guest.Faults.SetFailNth(Somebody(), (uint)_dice.Below(12)));
    }
}
