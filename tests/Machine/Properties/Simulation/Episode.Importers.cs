using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <content>Importers: attachments, mappings, devices that reach where they may and where they may not, the host that looks.</content>
internal sealed partial class Episode
{
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
        KeepWait(mapping.Wait);
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
        ulong address = _dice.OneIn(16) ? _dice.Bits() : (_dice.Bits() % _guest.HostView.EndAddress);
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
            : _dice.Bits() % (_guest.HostView.EndAddress + 4096);
        Failure? failure = _guest.HostView.Read(address, bytes);
        Note(failure);
        NoteBytes(failure, bytes);
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
}
