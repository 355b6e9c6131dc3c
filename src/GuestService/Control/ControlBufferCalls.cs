using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Service.Requests;

namespace CocoGuest.Service.Control;

/// <summary>Control protocol: buffers, their names, and how programs share them.</summary>
internal static class ControlBufferCalls
{
    private const int BufferBytes = 24;
    private const int SyncBytes = 16;
    private const int StatBytes = 40 + (2 * ControlLimits.TextBytes);
    private const int TokenBytes = 16;
    private const uint SharedFlag = 1;
    private const uint HostVisibleFlag = 2;
    private const uint NamedFlag = 4;

    /// <summary>DMA_HEAP_IOCTL_ALLOC.</summary>
    public static ControlReply AllocateBuffer(ControlSession session, ref ControlReader body)
    {
        string heap = body.Text();
        ulong length = body.UInt64();
        ulong heapFlags = body.UInt64();
        uint fdFlags = body.UInt32();
        body.Reserved();
        return body.Wrong
            ? ControlReply.Malformed
            : Answer(session.Guest.Heaps.Allocate(session.Process, heap, length, fdFlags, heapFlags));
    }

    /// <summary>DMA_BUF_IOCTL_SYNC; a START may wait for fences.</summary>
    public static ControlReply SyncBuffer(ControlSession session, ref ControlReader body)
    {
        int fd = body.Fd();
        ulong flags = body.UInt64();
        if (body.Wrong)
        {
            return ControlReply.Malformed;
        }

        Result<SyncOutcome> outcome = session.Guest.Importers.Sync(session.Process, fd, flags);
        return outcome.Ok
            ? ControlReply.After(outcome.Value.Wait,
                new ControlBody(SyncBytes).UInt64(outcome.Value.BytesToBuffer).UInt64(outcome.Value.BytesToDevice))
            : outcome.Failure;
    }

    /// <summary>DMA_BUF_SET_NAME.</summary>
    public static ControlReply SetBufferName(ControlSession session, ref ControlReader body)
    {
        int fd = body.Fd();
        string name = body.Text();
        return body.Wrong ? ControlReply.Malformed : ControlReply.Of(session.Guest.Buffers.SetName(session.Process, fd, name));
    }

    /// <summary>What lseek and fdinfo tell.</summary>
    public static ControlReply StatBuffer(ControlSession session, ref ControlReader body)
    {
        int fd = body.Fd();
        if (body.Wrong)
        {
            return ControlReply.Malformed;
        }

        Result<BufferStat> found = session.Guest.Buffers.Stat(session.Process, fd);
        if (!found.Ok)
        {
            return found.Failure;
        }

        BufferStat stat = found.Value;
        uint flags = (stat.Shared ? SharedFlag : 0) | (stat.HostVisible ? HostVisibleFlag : 0) | (stat.Name is null ? 0 : NamedFlag);
        return new ControlBody(StatBytes)
            .UInt64(stat.Size).UInt64(stat.Inode).UInt64(stat.Count)
            .UInt32(flags).UInt32((uint)stat.Chunks.Count).UInt32((uint)stat.AttachedDevices.Count).UInt32(0)
            .Text(stat.Exporter).Text(stat.Name ?? "");
    }

    /// <summary>A share token, which gRPC clients may redeem as well.</summary>
    public static ControlReply ExportBuffer(ControlSession session, ref ControlReader body)
    {
        int fd = body.Fd();
        Handle128 addressee = body.Handle();
        Result<TimeSpan> life = RequestFields.TryNanoseconds(body.UInt64(), "expires_after_nanoseconds", "export");
        if (body.Wrong)
        {
            return ControlReply.Malformed;
        }

        if (!life.Ok)
        {
            return life.Failure;
        }

        Handle128? onlyFor = addressee == default ? null : addressee;
        Result<Handle128> token = session.Services.ShareTokens.Export(session.Process, fd, onlyFor, life.Value);
        return token.Ok ? new ControlBody(TokenBytes).Handle(token.Value) : token.Failure;
    }

    /// <summary>Redeems a share token.</summary>
    public static ControlReply ImportBuffer(ControlSession session, ref ControlReader body) =>
        Answer(session.Guest.Buffers.Import(session.Process, body.Handle()));

    /// <summary>close of one fd.</summary>
    public static ControlReply Release(ControlSession session, ref ControlReader body)
    {
        int fd = body.Fd();
        return body.Wrong ? ControlReply.Malformed : ControlReply.Of(session.Guest.Buffers.Release(session.Process, fd));
    }

    private static ControlReply Answer(Result<BufferHandle> buffer) => buffer.Ok
        ? new ControlBody(BufferBytes)
            .UInt32((uint)buffer.Value.Fd).UInt32(buffer.Value.HostVisible ? HostVisibleFlag : 0)
            .UInt64(buffer.Value.Size).UInt64(buffer.Value.Inode)
        : buffer.Failure;
}
