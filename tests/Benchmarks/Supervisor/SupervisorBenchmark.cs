using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CocoGuest.Machine;
using CocoGuest.Machine.Profiles;
using CocoGuest.Supervisor;
using CocoGuest.Supervisor.Launch;

namespace CocoGuest.Tests.Benchmarks.Supervisor;

/// <summary>
/// What <c>coco run</c> costs a program. Intercepted calls beside those of a supervisor that answers without a thought; calls that are
/// not the guest's beside the same program without a filter, and with one that allows everything, which is what seccomp itself costs;
/// copies to and from a mapped buffer beside a plain shared mapping. CPU time decides where the machine may be busy; elapsed time is
/// printed beside it.
/// </summary>
internal static class SupervisorBenchmark
{
    /// <summary>The first argument that makes this program the one that makes the calls.</summary>
    public const string CallsWord = "__calls";

    private const int Rounds = 3;

    public static void Run(TextWriter output)
    {
        output.WriteLine(
            Text($"load {File.ReadAllText("/proc/loadavg").Split(' ')[0]}, {Environment.ProcessorCount} processors, ")
            + Text($"Linux {Environment.OSVersion.Version}"));
        string own = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        string floor = NullSupervisor.Range.Floor.ToString(CultureInfo.InvariantCulture);
        Print(output, "intercepted call, caller and supervisor", "null supervisor", Pair(
            file => InGuest(file, "intercepted", "-1", own),
            file => NullSupervisor.Run(Self, [Self, CallsWord, file, "intercepted", floor, own])), elapsed: true);
        Print(output, "call that is not the guest's", "no filter", Pair(
            file => InGuest(file, "quick"), file => Natively(file, "quick")), elapsed: false);
        Print(output, "call that is not the guest's", "empty filter", Pair(
            file => InGuest(file, "quick"), file => Natively(file, "quick", "filtered")), elapsed: false);
        List<CallFigures> copies = Best([Measure(file => InGuest(file, "memory"))]);
        Print(output, "copy", "plain shared mapping", [.. copies.Where(c => c.Name.EndsWith("buffer", StringComparison.Ordinal)).Select(c =>
            (c, copies.Single(p => p.Name == c.Name.Replace("buffer", "plain", StringComparison.Ordinal))))], elapsed: false);
    }

    private static string Self => Path.Combine(AppContext.BaseDirectory, "CocoGuest.Tests.Benchmarks");

    // In turn, so that a change of the machine's load meets both.
    private static List<(CallFigures, CallFigures)> Pair(Action<string> measured, Action<string> floor)
    {
        var both = (Measured: new List<List<CallFigures>>(), Floor: new List<List<CallFigures>>());
        for (int round = 0; round < Rounds; round++)
        {
            both.Measured.Add(Measure(measured));
            both.Floor.Add(Measure(floor));
        }

        return [.. Best(both.Measured).Zip(Best(both.Floor))];
    }

    private static List<CallFigures> Measure(Action<string> run)
    {
        string file = Path.GetTempFileName();
        try
        {
            run(file);
            string text = File.ReadAllText(file);
            return text.Length == 0
                ? throw new InvalidOperationException("The program measured nothing.")
                : JsonSerializer.Deserialize<List<CallFigures>>(text)!;
        }
        finally
        {
            File.Delete(file);
        }
    }

    // Of each figure the smallest: what disturbs only adds.
    private static List<CallFigures> Best(List<List<CallFigures>> rounds) =>
        [.. rounds[0].Select((_, i) => new CallFigures(
            rounds[0][i].Name, rounds.Min(r => r[i].Cpu), rounds.Min(r => r[i].Best), rounds.Min(r => r[i].Median)))];

    private static void InGuest(string file, params string[] what)
    {
        using var host = new GuestRegistry(TimeProvider.System, new RandomSecrets());
        Guest guest = host.Create(new GuestShape()).Value;
        using var supervision = new LocalSupervision(guest, Console.Error.WriteLine);
        ProgramRun.Run([Self, CallsWord, file, .. what], new RunOptions(), supervision);
    }

    private static void Natively(string file, params string[] what)
    {
        using var process = Process.Start(Self, [CallsWord, file, .. what]);
        process.WaitForExit();
    }

    private static void Print(
        TextWriter output, string what, string floor, List<(CallFigures Measured, CallFigures Floor)> rows, bool elapsed)
    {
        output.WriteLine(Text($"{what,-44}{"CPU",12}{floor,22}{"ratio",8}{(elapsed ? "   elapsed best, median; floor; ratios" : "")}"));
        foreach ((CallFigures measured, CallFigures one) in rows)
        {
            output.WriteLine(Text($"  {measured.Name,-42}{measured.Cpu,9:F0} ns{one.Cpu,19:F0} ns{measured.Cpu / one.Cpu,8:F2}") + (elapsed
                ? Text($"   {measured.Best:F0}, {measured.Median:F0} ns; {one.Best:F0}, {one.Median:F0} ns; ")
                    + Text($"{measured.Best / one.Best:F2}, {measured.Median / one.Median:F2}")
                : ""));
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
