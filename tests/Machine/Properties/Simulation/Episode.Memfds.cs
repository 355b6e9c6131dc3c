using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <content>memfds: size, seals, holes, content; and udmabufs of them.</content>
internal sealed partial class Episode
{
    private readonly List<(GuestProcess Process, int Fd)> _memfds = [];

    // Mostly ready for a udmabuf: with a size, sealed against shrinking.
    private void CreateMemfd()
    {
        if (_memfds.Count >= FewThings)
        {
            CloseOneOf(_memfds);
            return;
        }

        GuestProcess process = Somebody();
        bool huge = _dice.OneIn(60);
        Result<int> result = _guest.Memfds.Create(process, allowSealing: !_dice.OneIn(8), huge, _dice.OneIn(2));
        if (!Note(result))
        {
            return;
        }

        _memfds.Add((process, result.Value));
        Note(_guest.Memfds.Truncate(process, result.Value, huge ? 2UL << 20 : (ulong)_dice.Below(12) << 12));
        if (!_dice.OneIn(5))
        {
            Note(_guest.Memfds.AddSeals(process, result.Value, FileSeals.Shrink));
        }
    }

    private void ChangeMemfd()
    {
        if (!Pick(_memfds, out (GuestProcess Process, int Fd) file))
        {
            return;
        }

        switch (_dice.Below(4))
        {
            case 0:
                Note(_guest.Memfds.Truncate(
                    file.Process, file.Fd, _dice.OneIn(20) ? Odd[_dice.Below(Odd.Length)] : (ulong)_dice.Below(16) << 12));
                break;
            case 1:
                Note(_guest.Memfds.AddSeals(file.Process, file.Fd, (FileSeals)(1 << _dice.Below(7))));
                break;
            default:
                Note(_guest.Memfds.PunchHole(file.Process, file.Fd, (ulong)_dice.Below(12) << 12, (ulong)_dice.Below(4) << 12));
                break;
        }
    }

    private void WriteMemfd()
    {
        if (Pick(_memfds, out (GuestProcess Process, int Fd) file))
        {
            Span<byte> bytes = _bytes.AsSpan(0, 1 + _dice.Below(MostBytes));
            bytes.Fill((byte)_dice.Below(256));
            Note(_guest.Memfds.Write(file.Process, file.Fd, (ulong)_dice.Below(1 << 15), bytes));
        }
    }

    private void ReadMemfd()
    {
        if (Pick(_memfds, out (GuestProcess Process, int Fd) file))
        {
            Span<byte> bytes = _bytes.AsSpan(0, 1 + _dice.Below(MostBytes));
            Result<int> result = _guest.Memfds.Read(file.Process, file.Fd, (ulong)_dice.Below(1 << 15), bytes);
            if (Note(result))
            {
                NoteBytes(null, bytes[..result.Value]);
            }
        }
    }

    private void CreateUdmabuf()
    {
        if (!Pick(_memfds, out (GuestProcess Process, int Fd) file))
        {
            return;
        }

        var items = new UdmabufItem[1 + _dice.Below(3)];
        for (int i = 0; i < items.Length; i++)
        {
            int fd = _dice.OneIn(6) && Pick(_memfds, out (GuestProcess Process, int Fd) other) ? other.Fd : file.Fd;
            items[i] = new UdmabufItem(fd, (ulong)_dice.Below(6) << 12, _dice.OneIn(30) ? _dice.Bits() : (ulong)(1 + _dice.Below(4)) << 12);
        }

        Result<BufferHandle> result = _guest.Udmabufs.Create(file.Process, (uint)_dice.Below(2), items);
        if (Note(result))
        {
            _digest.Add(result.Value.Inode);
            Keep(_fds, (file.Process, result.Value.Fd, result.Value.Size));
        }
    }
}
