using System.Diagnostics;
using CocoGuest.Linux.Files;
using CocoGuest.Supervisor;
using CocoGuest.Supervisor.Launch;
using CocoGuest.Supervisor.Seccomp;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Benchmarks.Supervisor;

/// <summary>
/// The floor: a supervisor that answers without a thought. A SYNC ioctl succeeds, every other call goes on in the kernel. Same filter, same
/// channel, same waking; one RECV and one SEND a call.
/// </summary>
internal static class NullSupervisor
{
    /// <summary>The reserved range of its programs.</summary>
    public static readonly FdRange Range = FdRange.Choose();

    /// <summary>Runs a program to its end.</summary>
    public static void Run(string self, IReadOnlyList<string> program)
    {
        // A thread of its own: the program is killed when the thread that started it ends.
        var thread = new Thread(() => Serve(self, program));
        thread.Start();
        thread.Join();
    }

    private static void Serve(string self, IReadOnlyList<string> program)
    {
        (SafeFileHandle ours, SafeFileHandle theirs) = FdChannel.Create();
        using (ours)
        {
            Process process;
            using (var inherited = new BorrowedFd(theirs))
            {
                var spec = new LaunchSpec(
                    inherited.Number, Range.Floor, Range.Limit, Strict: false, TellsLeaks: true, Traceable: false, program);
                process = Process.Start(self, new[] { ProgramRun.LaunchWord }.Concat(spec.ToArguments()));
            }

            theirs.Dispose();
            using (process)
            {
                SafeFileHandle? listener = FdChannel.Receive(ours);
                using var channel = new NotifyChannel(
                    listener ?? throw new InvalidOperationException("No filter could be installed here."));
                FdChannel.Go(ours);
                Serve(channel, process.Id);
                process.WaitForExit();
            }
        }
    }

    // Until the first thread of the program ends it.
    private static void Serve(NotifyChannel channel, int root)
    {
        while (channel.TryReceive(out Notification call))
        {
            if (call.Call == SystemCall.Ioctl && call.UInt(1) == (uint)Kernel.BufferSync)
            {
                channel.Return(call.Id, 0);
            }
            else
            {
                channel.Continue(call.Id);
            }

            if (call.Call == SystemCall.ExitGroup && call.Tid == root)
            {
                return;
            }
        }
    }
}
