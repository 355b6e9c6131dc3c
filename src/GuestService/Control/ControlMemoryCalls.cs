using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Service.Control;

/// <summary>Control protocol: mappings, and the bytes behind those that give no fd.</summary>
internal static class ControlMemoryCalls
{
    private const int MmapBytes = 48;
    private const uint ProtectionNotGiven = uint.MaxValue;
    private const uint FdFlag = 1;
    private const uint ReadOnlyFlag = 2;

    /// <summary>mmap; length 0: to the end of the buffer.</summary>
    public static ControlReply Mmap(ControlSession session, ref ControlReader body)
    {
        int fd = body.Int32();
        uint protection = body.UInt32();
        var flags = (MapFlags)body.UInt32();
        body.Reserved();
        ulong offset = body.UInt64();
        ulong length = body.UInt64();
        if (body.Wrong)
        {
            return ControlReply.Malformed;
        }

        Result<MmapResult> mapped = session.Guest.Mappings.Mmap(
            session.Process, fd, offset, length == 0 ? null : length,
            protection == ProtectionNotGiven ? null : (MapProtection)protection, flags);
        if (!mapped.Ok)
        {
            return mapped.Failure;
        }

        MmapResult mapping = mapped.Value;
        return ControlReply.With(
            new ControlBody(MmapBytes).UInt64(mapping.Address).UInt64(mapping.Length).UInt64(mapping.Offset)
                .UInt64(mapping.Backing?.Id ?? 0).UInt64(mapping.Backing?.Size ?? 0).UInt32(FlagsOf(mapping.Backing)).UInt32(0),
            mapping.Backing,
            () => session.Guest.Mappings.Munmap(session.Process, mapping.Address));
    }

    /// <summary>munmap of a whole mapping.</summary>
    public static ControlReply Munmap(ControlSession session, ref ControlReader body) =>
        ControlReply.Of(session.Guest.Mappings.Munmap(session.Process, body.UInt64()));

    /// <summary>Bytes of a mapping.</summary>
    public static ControlReply Load(ControlSession session, ref ControlReader body)
    {
        ulong address = body.UInt64();
        ulong length = body.UInt64();
        if (CheckLength(length, "load") is { } failure)
        {
            return failure;
        }

        var answer = new ControlBody((int)length);
        return session.Guest.Mappings.Load(session.Process, address, answer.Next((int)length)) is { } refused ? refused : answer;
    }

    /// <summary>Writes bytes of a mapping.</summary>
    public static ControlReply Store(ControlSession session, ref ControlReader body) =>
        ControlReply.Of(session.Guest.Mappings.Store(session.Process, body.UInt64(), body.Rest()));

    /// <summary>EINVAL for a read that is too long for one answer.</summary>
    public static Failure? CheckLength(ulong length, string operation) => length > ControlLimits.DataBytes
        ? new Failure(Errno.EINVAL, operation, "check length",
            $"length {length} is more than the {ControlLimits.DataBytes} bytes that one request moves.", "length")
        : null;

    /// <summary>What an answer says of the fd that goes with it.</summary>
    public static uint FlagsOf(VisibleBacking? backing) => backing is null ? 0 : FdFlag | (backing.ReadOnly ? ReadOnlyFlag : 0);
}
