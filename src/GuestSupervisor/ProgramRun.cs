using System.ComponentModel;
using CocoGuest.Supervisor.Launch;
using CocoGuest.Supervisor.Reports;
using CocoGuest.Supervisor.Seccomp;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor;

/// <summary>
/// One program from start to end: its keepers, filter, supervisor, report.
/// <para>The program ends with this process, and what it left running ends with it: nothing stays behind (<see cref="Keepers"/>). Its
/// status is decided when it has ended; nothing that is done for a report changes it.</para>
/// </summary>
public static class ProgramRun
{
    private const int NotFound = 127;

    /// <summary>
    /// To be called first of all: notes what this process was started with, and forks what stands between it and a program, if there will
    /// be one.
    /// </summary>
    /// <param name="runs">Whether a program will be run.</param>
    /// <returns>Null, or why none can be, in a sentence.</returns>
    public static string? Prepare(bool runs)
    {
        _ = StartState.Own;
        return runs ? Keepers.ForkEarly() : null;
    }

    /// <summary>Runs a program.</summary>
    /// <param name="program">The program and its arguments: the last words of this process' own command line are taken as they came, byte
    /// for byte.</param>
    /// <param name="options">How.</param>
    /// <param name="supervision">Who answers its calls.</param>
    public static RunOutcome Run(IReadOnlyList<string> program, RunOptions options, ISupervision supervision)
    {
        FdRange range = options.FdLimit == 0 ? FdRange.Choose() : new FdRange(options.FdFloor, options.FdLimit);
        RunOptions chosen = options with { FdFloor = range.Floor, FdLimit = range.Limit };
        IReadOnlyList<byte[]> words = StartState.Own.BytesOf(program);
        if (ProgramFile.Find(words[0], StartState.Own.Variable("PATH"u8)) is not { } path)
        {
            return RunOutcome.WithoutReport(NotFound, $"coco run: {program[0]}: no such program.\n");
        }

        try
        {
            using var keepers = Keepers.Take();
            keepers.Start(words, path, range, FilterRules.For(options.Strict, options.TellsLeaks), supervision.IsForeign);
            if (keepers.ReceiveListener() is { } listener)
            {
                return Supervise(keepers, listener, program, chosen, supervision);
            }

            return RunOutcome.WithoutReport(keepers.WaitForEnd().Status, "");
        }
        catch (Exception e) when (e is Win32Exception or OutOfMemoryException)
        {
            return RunOutcome.WithoutReport(
                RunOutcome.NoOutcome, $"coco run: the system has no process, memory or file left for the program: {e.Message}.\n");
        }
    }

    private static RunOutcome Supervise(
        Keepers keepers, SafeFileHandle listener, IReadOnlyList<string> program, RunOptions options, ISupervision supervision)
    {
        supervision.Begin(listener, keepers.KeeperPid, options, program);
        keepers.Go();
        if (!supervision.Serve(keepers.Ended))
        {
            keepers.End();
            return RunOutcome.WithoutReport(RunOutcome.NoOutcome, "coco run: the server is gone; the program was ended.\n");
        }

        (int status, int left) = keepers.WaitForEnd();
        try
        {
            return supervision.Finish(status, left);
        }
        catch (Exception e)
        {
            // Whatever it is: the program ran, and how it ended is known.
            return RunOutcome.WithoutReport(status, $"coco run: no report could be made: {e.Message}\n");
        }
    }
}
