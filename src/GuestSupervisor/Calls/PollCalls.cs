using System.Buffers.Binary;
using System.Runtime.InteropServices;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Supervisor.Processes;
using CocoGuest.Supervisor.Seccomp;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// With --strict: poll and ppoll of dma-bufs with fences that have not signalled. A memfd is always ready; a dma-buf is ready when its
/// fences have signalled (S-BUF-80).
/// <para>The other fds of the same call are polled together with them, on duplicates. Models: which fds are ready, time-outs.
/// Does not model: the signal mask of ppoll while it waits here, POLLPRI and other bits of dma-bufs.</para>
/// </summary>
internal sealed partial class PollCalls(GuestCalls calls)
{
    private const int EntryBytes = 8;
    private const int MostEntries = 1024;
    private const int NanosPerMilli = 1_000_000;
    private const int MillisPerSecond = 1000;
    private const short Readable = 1;

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
        if (ours.Length == 0 || calls.Processes.Of(call.Tid) is not { Ok: true } process)
        {
            call.Continue();
            return;
        }

        foreach (int index in ours)
        {
            _ = calls.Place(process.Value, entries[index].Fd, calls.FileAt(call, entries[index].Fd)!.Machine!);
        }

        PollEntry[] asked = [.. ours.Select(i => new PollEntry(all[i].Fd, (PollEvents)(ushort)all[i].Events))];
        Result<PollAnswer> now = calls.Guest.Fences.Poll(process.Value.Machine, asked, TimeSpan.Zero);
        if (!now.Ok || now.Value.Events.Zip(asked).All(pair => IsAsAMemfd(pair.First, pair.Second.Events)))
        {
            call.Continue();
            return;
        }

        // It may take as long as the program likes, so not on the supervisor's thread.
        var wait = new Waiting(calls.Guest, process.Value, call, all, ours, asked, timeout);
        _ = Task.Factory.StartNew(wait.Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    // A memfd is always ready for what it is asked, and for nothing else.
    private static bool IsAsAMemfd(PollEvents ready, PollEvents asked) =>
        ready == asked && (ready & ~(PollEvents.In | PollEvents.Out)) == 0;

    private bool IsBuffer(StoppedCall call, int fd) => calls.FileAt(call, fd) is { Machine.Kind: NativeFileKind.DmaBuf };

    // Milliseconds; negative: for ever. Null: the program's timespec faults, which the kernel will find.
    private static int? TimeoutOf(StoppedCall call)
    {
        if (call.Call == SystemCall.Poll)
        {
            return call.Int(2);
        }

        Span<byte> spec = stackalloc byte[16];
        if (call[2] == 0)
        {
            return -1;
        }

        if (!call.Memory.TryRead(call[2], spec))
        {
            return null;
        }

        long seconds = BinaryPrimitives.ReadInt64LittleEndian(spec);
        long nanoseconds = BinaryPrimitives.ReadInt64LittleEndian(spec[8..]);
        return (int)Math.Min(int.MaxValue, (seconds * MillisPerSecond) + (nanoseconds / NanosPerMilli));
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollFd
    {
        public int Fd;
        public short Events;
        public short Returned;
    }

    /// <summary>A poll that cannot be answered at once.</summary>
    private sealed class Waiting(
        Guest guest, SupervisedProcess process, StoppedCall call, PollFd[] entries, int[] ours, PollEntry[] asked, int timeout)
    {
        public void Run()
        {
            (SafeFileHandle read, SafeFileHandle write) = HostFile.CreatePipe();
            SafeFileHandle?[] duplicates =
                [.. entries.Select((e, i) => ours.Contains(i) || e.Fd < 0 ? null : HostFile.TakeFd(process.Handle, e.Fd))];
            try
            {
                Result<PollAnswer> first = guest.Fences.Poll(process.Machine, asked, TimeSpan.FromMilliseconds(timeout));
                bool ready = !first.Ok || first.Value.Ready != 0;
                if (!ready)
                {
                    first.Value.Wait?.Completion.ContinueWith(_ => HostFile.TryWrite(write, [1]), TaskScheduler.Default);
                }

                PollFd[] set = [.. duplicates.Select((d, i) => Native(d, entries[i])), new PollFd { Fd = Number(read), Events = Readable },
                    new PollFd { Fd = Number(process.Handle), Events = Readable }];
                _ = Poll(set, (nuint)set.Length, ready ? 0 : timeout);
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
                entries[i].Returned = set[i].Returned;
            }

            for (int i = 0; i < ours.Length && answer.Ok; i++)
            {
                entries[ours[i]].Returned = (short)answer.Value.Events[i];
            }

            bool written = call.Memory.TryWrite(call[0], MemoryMarshal.AsBytes(entries.AsSpan()));
            call.End(written ? entries.Count(e => e.Returned != 0) : Errno.EFAULT.AsFailure("poll", "fds"));
        }

        private static PollFd Native(SafeFileHandle? duplicate, PollFd entry) =>
            new() { Fd = duplicate is null ? -1 : Number(duplicate), Events = entry.Events };

        // The handles live until the poll is over.
        private static int Number(SafeFileHandle handle) => (int)handle.DangerousGetHandle();
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll([In, Out] PollFd[] fds, nuint count, int timeoutMilliseconds);
}
