using System.Diagnostics;
using CocoGuest.Tests.Replay.Probes;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// Replays recorded kernel runs on the machine and compares every recorded field.
/// <c>dotnet run -c Release --project tests/Conformance/Replay -- FILE-or-FOLDER ... [--verbose] [--case NAME]</c>
/// Or compares what a probe printed (tests/EndToEnd/Native/probe) with the recording that it was given:
/// <c>-- probe RECORDING PRINTED [--verbose]</c>
/// </summary>
internal static class ReplayProgram
{
    private const int UsageStatus = 2;

    public static int Main(string[] arguments)
    {
        bool verbose = arguments.Contains("--verbose");
        int caseAt = Array.IndexOf(arguments, "--case");
        string? onlyCase = caseAt >= 0 && caseAt + 1 < arguments.Length ? arguments[caseAt + 1] : null;
        string[] paths = [.. arguments.Where((a, i) => !a.StartsWith("--", StringComparison.Ordinal) && (caseAt < 0 || i != caseAt + 1))];
        if (paths.Length == 0 || (caseAt >= 0 && onlyCase is null))
        {
            Console.Error.WriteLine("usage: FILE-or-FOLDER ... [--verbose] [--case NAME], or: probe RECORDING PRINTED [--verbose]");
            return UsageStatus;
        }

        try
        {
            if (paths is ["probe", var recording, var printed])
            {
                ProbeReport.Print(Console.Out, ProbeComparison.OfFiles(recording, printed), verbose);
                return 0;
            }

            var clock = Stopwatch.StartNew();
            IReadOnlyList<FileResult> results = RunAll(RecordReader.Find(paths), onlyCase);
            return Report.Print(Console.Out, results, verbose, clock.Elapsed);
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            Console.Error.WriteLine(e.Message);
            return UsageStatus;
        }
    }

    /// <summary>Replays files side by side, one machine a file, the largest first; results in the order of the files.</summary>
    public static IReadOnlyList<FileResult> RunAll(IReadOnlyList<string> files, string? onlyCase = null)
    {
        var results = new FileResult[files.Count];
        int[] order = [.. Enumerable.Range(0, files.Count).OrderByDescending(i => new FileInfo(files[i]).Length)];
        int next = -1;
        Parallel.For(0, Environment.ProcessorCount, _ =>
        {
            for (int i = Interlocked.Increment(ref next); i < order.Length; i = Interlocked.Increment(ref next))
            {
                results[order[i]] = new FileReplay(files[order[i]], onlyCase).Run();
            }
        });
        return results;
    }
}
