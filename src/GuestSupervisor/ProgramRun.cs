using System.Diagnostics;
using System.Runtime.InteropServices;
using CocoGuest.Machine;
using CocoGuest.Supervisor.Launch;
using CocoGuest.Supervisor.Reports;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor;

/// <summary>
/// One program from start to end: launcher, filter, supervisor, report.
/// <para>The program ends with this process, and what it left running ends with it: nothing stays behind.</para>
/// </summary>
public static partial class ProgramRun
{
    private const int BecomeSubreaper = 36;
    private const int Kill = 9;
    private const int CannotStart = 126;

    /// <summary>The first argument that makes this program the launcher: see <see cref="Launch"/>.</summary>
    public const string LaunchWord = "__launch";

    /// <summary>The launcher's part: puts the filter on and becomes the program. To be called with what follows <see cref="LaunchWord"/>.</summary>
    public static int Launch(IReadOnlyList<string> arguments) => LaunchSpec.Parse(arguments) is { } spec ? Launcher.Run(spec) : CannotStart;

    /// <summary>Runs a program in a guest.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="launcher">A program, with its first arguments, that calls <see cref="Launch"/> with the arguments that are added.</param>
    /// <param name="program">The program and its arguments.</param>
    /// <param name="options">How.</param>
    /// <param name="say">Told what a person should know while it runs.</param>
    public static RunReport Run(Guest guest, IReadOnlyList<string> launcher, IReadOnlyList<string> program, RunOptions options, Action<string> say)
    {
        RunReport? report = null;
        Exception? failed = null;
        // A thread of its own: the program is killed when the thread that started it ends.
        var thread = new Thread(() =>
        {
            try
            {
                report = RunHere(guest, launcher, program, options, say);
            }
            catch (Exception e)
            {
                failed = e;
            }
        })
        { Name = "supervisor" };
        thread.Start();
        thread.Join();
        return report ?? throw new InvalidOperationException("The supervisor failed.", failed);
    }

    private static RunReport RunHere(
        Guest guest, IReadOnlyList<string> launcher, IReadOnlyList<string> program, RunOptions options, Action<string> say)
    {
        FdRange range = options.FdLimit == 0 ? FdRange.Choose() : new FdRange(options.FdFloor, options.FdLimit);
        RunOptions chosen = options with { FdFloor = range.Floor, FdLimit = range.Limit };
        _ = ProcessControl(BecomeSubreaper, 1, 0, 0, 0);
        (SafeFileHandle ours, SafeFileHandle theirs) = FdChannel.Create();
        Process process;
        using (ours)
        {
            using (var inherited = new BorrowedFd(theirs))
            {
                var spec = new LaunchSpec(inherited.Number, range.Floor, range.Limit, options.Strict, program);
                process = Process.Start(new ProcessStartInfo(launcher[0], launcher.Skip(1).Append(LaunchWord).Concat(spec.ToArguments())))!;
            }

            theirs.Dispose();
            using (process)
            {
                SafeFileHandle? listener = FdChannel.Receive(ours);
                if (listener is null)
                {
                    process.WaitForExit();
                    return new RunReport(program, guest.Shape, process.ExitCode, [], [], 0, 0, [], guest.Snapshot(), guest.Snapshot());
                }

                return Serve(guest, listener, process, ours, program, chosen, say);
            }
        }
    }

    private static RunReport Serve(
        Guest guest, SafeFileHandle listener, Process process, SafeFileHandle channel, IReadOnlyList<string> program, RunOptions options,
        Action<string> say)
    {
        using var supervisor = new Supervisor(guest, listener, process.Id, options, say);
        GuestSnapshot before = guest.Snapshot();
        (SafeFileHandle read, SafeFileHandle write) = HostFile.CreatePipe();
        using (read)
        {
            supervisor.Watch(read, supervisor.Stop);
            using var signals = new SignalRelay(process.Id);
            Task ended = process.WaitForExitAsync().ContinueWith(_ => write.Dispose(), TaskScheduler.Default);
            FdChannel.Go(channel);
            supervisor.Serve();
            ended.Wait();
            int left = EndDescendants();
            supervisor.Settle();
            // Bouncing, conversions, slots: as they are before the guest ends.
            return new RunReport(
                program, guest.Shape, process.ExitCode, supervisor.Leaks, guest.Faults.List(), left, supervisor.Stopped,
                supervisor.Log.Take(), before,
                guest.Snapshot());
        }
    }

    // Orphans are this process's children, since it is a subreaper.
    private static int EndDescendants()
    {
        var seen = new HashSet<int>();
        while (true)
        {
            int[] alive = [.. ProcFolder.DescendantsOf(Environment.ProcessId).Where(pid => !ProcFolder.IsEnding(pid))];
            if (alive.Length == 0)
            {
                return seen.Count;
            }

            foreach (int pid in alive)
            {
                seen.Add(pid);
                _ = SendSignal(pid, Kill);
                using SafeFileHandle? process = HostFile.OpenProcess(pid);
                if (process is not null)
                {
                    HostFile.WaitForEnd(process);
                }
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int ProcessControl(int option, nint second, nint third, nint fourth, nint fifth);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);
}
