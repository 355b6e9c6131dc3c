using System.Diagnostics;
using System.Runtime.ExceptionServices;
using CocoGuest.Linux;
using CocoGuest.Linux.Files;
using CocoGuest.Supervisor.Launch;
using CocoGuest.Supervisor.Reports;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor;

/// <summary>
/// One program from start to end: launcher, filter, supervisor, report.
/// <para>The program ends with this process, and what it left running ends with it: nothing stays behind.</para>
/// </summary>
public static class ProgramRun
{
    private const int CannotStart = 126;

    /// <summary>The first argument that makes this program the launcher: see <see cref="Launch"/>.</summary>
    public const string LaunchWord = "__launch";

    /// <summary>
    /// The launcher's part: puts the filter on and becomes the program. To be called with what follows <see cref="LaunchWord"/>.
    /// </summary>
    public static int Launch(IReadOnlyList<string> arguments) => LaunchSpec.Parse(arguments) is { } spec ? Launcher.Run(spec) : CannotStart;

    /// <summary>Runs a program.</summary>
    /// <param name="launcher">A program, with its first arguments, that calls <see cref="Launch"/> with the arguments that are
    /// added.</param>
    /// <param name="program">The program and its arguments.</param>
    /// <param name="options">How.</param>
    /// <param name="supervision">Who answers its calls.</param>
    public static RunOutcome Run(
        IReadOnlyList<string> launcher, IReadOnlyList<string> program, RunOptions options, ISupervision supervision)
    {
        RunOutcome? outcome = null;
        ExceptionDispatchInfo? failed = null;
        // A thread of its own: the program is killed when the thread that started it ends.
        var thread = new Thread(() =>
        {
            try
            {
                outcome = RunHere(launcher, program, options, supervision);
            }
            catch (Exception e)
            {
                failed = ExceptionDispatchInfo.Capture(e);
            }
        })
        { Name = "supervisor" };
        thread.Start();
        thread.Join();
        failed?.Throw();
        return outcome!;
    }

    private static RunOutcome RunHere(
        IReadOnlyList<string> launcher, IReadOnlyList<string> program, RunOptions options, ISupervision supervision)
    {
        FdRange range = options.FdLimit == 0 ? FdRange.Choose() : new FdRange(options.FdFloor, options.FdLimit);
        RunOptions chosen = options with { FdFloor = range.Floor, FdLimit = range.Limit };
        _ = Libc.Prctl(Libc.PrSetChildSubreaper, 1, 0, 0, 0);
        (SafeFileHandle ours, SafeFileHandle theirs) = FdChannel.Create();
        using (ours)
        {
            Process process;
            using (theirs)
            using (var inherited = new BorrowedFd(theirs))
            {
                var spec = new LaunchSpec(
                    inherited.Number, range.Floor, range.Limit, options.Strict, options.TellsLeaks, supervision.IsForeign, program);
                process = Process.Start(new ProcessStartInfo(launcher[0], launcher.Skip(1).Append(LaunchWord).Concat(spec.ToArguments())))!;
            }

            using (process)
            {
                if (FdChannel.Receive(ours) is { } listener)
                {
                    return Supervise(process, listener, ours, program, chosen, supervision);
                }

                process.WaitForExit();
                return RunOutcome.WithoutReport(process.ExitCode, "");
            }
        }
    }

    private static RunOutcome Supervise(
        Process process, SafeFileHandle listener, SafeFileHandle channel, IReadOnlyList<string> program, RunOptions options,
        ISupervision supervision)
    {
        (SafeFileHandle read, SafeFileHandle write) = Pipe.Create();
        using (read)
        {
            using var signals = new SignalRelay(process.Id);
            Task ended = process.WaitForExitAsync().ContinueWith(_ => write.Dispose(), TaskScheduler.Default);
            try
            {
                supervision.Begin(listener, process.Id, options, program);
            }
            catch
            {
                process.Kill();
                throw;
            }

            FdChannel.Go(channel);
            if (!supervision.Serve(read))
            {
                Descendants.End();
                return RunOutcome.WithoutReport(RunOutcome.NoOutcome, "coco run: the server is gone; the program was ended.\n");
            }

            ended.Wait();
            int left = Descendants.End();
            return supervision.Finish(process.ExitCode, left);
        }
    }
}
