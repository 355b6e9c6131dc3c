using System.Runtime.InteropServices;
using CocoGuest.Linux;
using CocoGuest.Linux.Events;
using CocoGuest.Linux.Files;
using CocoGuest.Linux.Processes;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Supervisor.Processes;
using CocoGuest.Supervisor.Seccomp;
using Microsoft.Win32.SafeHandles;

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

    /// <summary>Handles poll and ppoll.</summary>
    public void Handle(StoppedCall call)
    {
        ulong count = call[1];
        byte[] table = new byte[(int)Math.Min(count, MostEntries) * EntryBytes];
        if (count is 0 or > MostEntries || !call.Memory.TryRead(call[0], table) || TimeoutOf(call) is not { } timeout)
        {
            call.Continue();
            return;
        }

        Span<PollFd> entries = MemoryMarshal.Cast<byte, PollFd>(table.AsSpan());
        PollFd[] all = entries.ToArray();
        int[] ours = [.. Enumerable.Range(0, all.Length).Where(i => IsBuffer(call, all[i].Fd))];
        if (ours.Length == 0 || context.Processes.Of(call.Tid) is not { Ok: true } process)
        {
            call.Continue();
            return;
        }

        foreach (int index in ours)
        {
            _ = context.Place(process.Value, entries[index].Fd, context.FileAt(call, entries[index].Fd)!.Machine!);
        }

        PollEntry[] asked = [.. ours.Select(i => new PollEntry(all[i].Fd, (PollEvents)(ushort)all[i].Events))];
        Result<PollAnswer> now = context.Guest.Fences.Poll(process.Value.Machine, asked, TimeSpan.Zero);
        const PollEvents known = PollEvents.In | PollEvents.Out;
        if (!now.Ok || now.Value.Events.Zip(asked).All(pair => pair.First == pair.Second.Events && (pair.First & ~known) == 0))
        {
            call.Continue();
            return;
        }

        // It may take as long as the program likes, so not on the supervisor's thread.
        var wait = new Waiting(context.Guest, process.Value, call, all, ours, asked, timeout);
        _ = Task.Factory.StartNew(wait.Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
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

    /// <summary>A poll that cannot be answered at once.</summary>
    private sealed class Waiting(
        Guest guest, SupervisedProcess process, StoppedCall call, PollFd[] entries, int[] ours, PollEntry[] asked, int timeout)
    {
        public void Run()
        {
            (SafeFileHandle read, SafeFileHandle write) = Pipe.Create();
            SafeFileHandle?[] duplicates =
                [.. entries.Select((e, i) => ours.Contains(i) || e.Fd < 0 ? null : PidFd.TakeFd(process.Handle, e.Fd))];
            try
            {
                Result<PollAnswer> first = guest.Fences.Poll(process.Machine, asked, TimeSpan.FromMilliseconds(timeout));
                bool ready = !first.Ok || first.Value.Ready != 0;
                if (!ready)
                {
                    first.Value.Wait?.Completion.ContinueWith(_ => Pipe.TryWrite(write, [1]), TaskScheduler.Default);
                }

                PollFd[] set =
                [
                    .. duplicates.Select((d, i) => Native(d, entries[i])),
                    new PollFd { Fd = Number(read), Events = Readiness.Readable },
                    new PollFd { Fd = Number(process.Handle), Events = Readiness.Readable },
                ];
                _ = HostPoll.Wait(set, ready ? 0 : timeout);
                Answer(set);
            }
            finally
            {
                read.Dispose();
                write.Dispose();
                foreach (SafeFileHandle? duplicate in duplicates)
                {
                    duplicate?.Dispose();
                }
            }
        }

        private void Answer(PollFd[] set)
        {
            Result<PollAnswer> answer = guest.Fences.Poll(process.Machine, asked, TimeSpan.Zero);
            for (int i = 0; i < entries.Length; i++)
            {
                entries[i].Revents = set[i].Revents;
            }

            for (int i = 0; i < ours.Length && answer.Ok; i++)
            {
                entries[ours[i]].Revents = (Readiness)answer.Value.Events[i];
            }

            bool written = call.Memory.TryWrite(call[0], MemoryMarshal.AsBytes(entries.AsSpan()));
            call.End(written ? entries.Count(e => e.Revents != 0) : Errno.EFAULT.AsFailure("poll", "fds"));
        }

        private static PollFd Native(SafeFileHandle? duplicate, PollFd entry) =>
            new() { Fd = duplicate is null ? -1 : Number(duplicate), Events = entry.Events };

        // The handles live until the poll is over.
        private static int Number(SafeFileHandle handle) => (int)handle.DangerousGetHandle();
    }
}
