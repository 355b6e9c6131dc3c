using System.Buffers.Binary;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// Raw ioctls of /dev/udmabuf (S-BUF-112): the structures, and the limit of a list.
/// What the ranges have to be is <see cref="GuestUdmabufs.Create"/>'s.
/// Models: both commands, compared whole; the new fd is the return value. Does not model: the memory that the list takes.
/// </summary>
internal sealed class UdmabufIoctl(GuestUdmabufs room, IoctlCall call)
{
    private const int CreateBytes = 24;
    private const int ListHeadBytes = 8;
    private const int FlagsAt = 4;
    private const int OffsetAt = 8;
    private const int SizeAt = 16;

    /// <summary>Runs a command: ENOTTY for others than the two.</summary>
    public Result<BufferHandle> Run()
    {
        string operation = call.Command == GuestUdmabufs.CreateListCommand ? "UDMABUF_CREATE_LIST" : "UDMABUF_CREATE";
        var raw = new RawArgument(call.Memory, operation);
        Result<BufferHandle> made = call.Command switch
        {
            GuestUdmabufs.CreateCommand => CreateOne(call.Argument, raw),
            GuestUdmabufs.CreateListCommand => CreateList(call.Argument, raw),
            _ => new Failure(Errno.ENOTTY, "ioctl", "look up command", $"The udmabuf device has no command 0x{call.Command:x}.", "command"),
        };
        if (made.Ok)
        {
            call.Note(made.Value.Fd, operation);
        }

        return made;
    }

    private Result<BufferHandle> CreateOne(ulong argument, RawArgument raw)
    {
        Span<byte> bytes = stackalloc byte[CreateBytes];
        return raw.Read(argument, bytes) is { } fault ? fault : room.Create(call.Process, Word(bytes, FlagsAt), [ItemAt(bytes)]);
    }

    private Result<BufferHandle> CreateList(ulong argument, RawArgument raw)
    {
        Span<byte> head = stackalloc byte[ListHeadBytes];
        if (raw.Read(argument, head) is { } fault)
        {
            return fault;
        }

        uint count = Word(head, FlagsAt);
        if (count > GuestUdmabufs.MostItems)
        {
            return raw.Refuse(Errno.EINVAL, "check count", $"A list of {count} items is longer than {GuestUdmabufs.MostItems}.", "count");
        }

        byte[] rest = new byte[count * CreateBytes];
        if (raw.Read(argument + ListHeadBytes, rest) is { } restFault)
        {
            return restFault;
        }

        var items = new UdmabufItem[count];
        for (int i = 0; i < items.Length; i++)
        {
            items[i] = ItemAt(rest.AsSpan(i * CreateBytes));
        }

        return room.Create(call.Process, Word(head, 0), items);
    }

    private static UdmabufItem ItemAt(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadInt32LittleEndian(bytes),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[OffsetAt..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[SizeAt..]));

    private static uint Word(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
