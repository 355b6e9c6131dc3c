using System.Runtime.InteropServices;
using CocoGuest.Linux;
using CocoGuest.Linux.Events;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Supervisor.Seccomp;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// With --strict: poll and ppoll of dma-bufs with unsignalled fences. A memfd is always ready; a dma-buf is when its fences have signalled
/// (S-BUF-80).
/// <para>The program's own fds are polled along, on duplicates. Models: which fds are ready, time-outs. Does not model: the signal mask of
/// ppoll while it waits here, POLLPRI and other bits of dma-bufs.</para>
/// </summary>
internal sealed class PollCalls(HandlerContext context)
{
    private const int EntryBytes = 8;
    private const int MostEntries = 1024;
    private const int NanosPerMilli = 1_000_000;
    private const int MillisPerSecond = 1000;

    /// <summary>Reads, without the lock, what is asked for.</summary>
    /// <returns>False: the call was ended.</returns>
    public static bool Prepare(StoppedCall call)
    {
        ulong count = call[1];
        byte[] table = new byte[(int)Math.Min(count, MostEntries) * EntryBytes];
        if (count is 0 or > MostEntries || !call.Memory.TryRead(call[0], table) || TimeoutOf(call) is not { } timeout)
        {
            call.Continue();
            return false;
        }

        call.Poll = new PollRequest(MemoryMarshal.Cast<byte, PollFd>(table.AsSpan()).ToArray(), timeout);
        return true;
    }

    /// <summary>Handles poll and ppoll.</summary>
    public void Handle(StoppedCall call)
    {
        PollFd[] all = call.Poll!.Entries;
        int[] ours = [.. Enumerable.Range(0, all.Length).Where(i => IsBuffer(call, all[i].Fd))];
        if (ours.Length == 0 || context.Processes.Of(call.Tid) is not { Ok: true } process)
        {
            call.Continue();
            return;
        }

        foreach (int index in ours)
        {
            _ = context.Place(process.Value, all[index].Fd, context.FileAt(call, all[index].Fd)!.Machine!);
        }

        PollEntry[] asked = [.. ours.Select(i => new PollEntry(all[i].Fd, (PollEvents)(ushort)all[i].Events))];
        Result<PollAnswer> now = context.Guest.Fences.Poll(process.Value.Machine, asked, TimeSpan.Zero);
        const PollEvents known = PollEvents.In | PollEvents.Out;
        if (!now.Ok || now.Value.Events.Zip(asked).All(pair => pair.First == pair.Second.Events && (pair.First & ~known) == 0))
        {
            call.Continue();
            return;
        }

        context.Waits.Add(new PollingCall(context.Guest, process.Value, call, call.Poll, ours, asked, context.Waits.Wake));
    }

    private bool IsBuffer(StoppedCall call, int fd) => context.FileAt(call, fd) is { Machine.Kind: FileKind.DmaBuf };

    // Milliseconds; negative: for ever. Null: the program's timespec faults, which the kernel will find.
    private static int? TimeoutOf(StoppedCall call)
    {
        if (call.Call == SystemCall.Poll)
        {
            return call.Int(2);
        }

        TimeSpec spec = default;
        return call[2] == 0 ? -1
            : !call.Memory.TryRead(call[2], MemoryMarshal.AsBytes(new Span<TimeSpec>(ref spec))) ? null
            : (int)Math.Min(int.MaxValue, (spec.Sec * MillisPerSecond) + (spec.Nsec / NanosPerMilli));
    }
}
