using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Heaps;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Service.Control;

/// <summary>Control protocol: greeting, the process, its guest's heaps.</summary>
internal static class ControlProcessCalls
{
    private const int HelloBytes = 16;
    private const int ProcessBytes = 24;
    private const int HeapBytes = ControlLimits.TextBytes + 16;

    /// <summary>The highest version that both speak, and the limits. The client names the highest one that it speaks.</summary>
    public static ControlReply Hello(ControlSession session, ref ControlReader body)
    {
        uint highest = body.UInt32();
        body.Reserved();
        if (body.Wrong)
        {
            return ControlReply.Malformed;
        }

        return highest < ControlHeader.CurrentVersion
            ? new Failure(Errno.EOPNOTSUPP, "hello", "agree on version", "There is no version 0; the first one is 1.", "version")
            : new ControlBody(HelloBytes)
                .UInt32(ControlHeader.CurrentVersion).UInt32((uint)Page.Size)
                .UInt32(ControlLimits.DataBytes).UInt32(ControlLimits.Segments);
    }

    /// <summary>Starts the connection's process.</summary>
    public static ControlReply OpenProcess(ControlSession session, ref ControlReader body)
    {
        string guest = body.Text();
        string name = body.Text();
        if (body.Wrong)
        {
            return ControlReply.Malformed;
        }

        Result<GuestProcess> process = session.Open(guest, name);
        return process.Ok
            ? new ControlBody(ProcessBytes).Handle(process.Value.Handle).UInt32(process.Value.Pid).UInt32(0)
            : process.Failure;
    }

    /// <summary>The heaps of the process' guest.</summary>
    public static ControlReply ListHeaps(ControlSession session, ref ControlReader body)
    {
        IReadOnlyList<HeapInfo> heaps = session.Guest.HeapNodes;
        ControlBody answer = new ControlBody(8 + (heaps.Count * HeapBytes)).UInt32((uint)heaps.Count).UInt32(0);
        foreach (HeapInfo heap in heaps)
        {
            answer.Text(heap.Name).UInt64(heap.ValidHeapFlags).UInt32(heap.Minor).UInt32(0);
        }

        return answer;
    }
}
