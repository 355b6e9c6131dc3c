using System.Globalization;

using Xunit.MicrosoftTestingPlatform;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <summary>
/// The test assembly as a program: <c>sim</c> runs the machine on random operations (see <see cref="SimulationOptions"/>), all else
/// the tests.
/// </summary>
internal static class SimulationProgram
{
    public const string Verb = "sim";

    /// <summary>0: nothing wrong; 1: a violation; 2: wrong arguments.</summary>
    public static async Task<int> Main(string[] args) =>
        args is [Verb, ..]
            ? Simulate(args)
            : await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);

    private static int Simulate(string[] args)
    {
        (SimulationOptions? options, string? wrong) = SimulationOptions.Parse(args.AsSpan(1));
        if (options is null)
        {
            Console.Error.WriteLine($"{wrong}\n{SimulationOptions.Help}");
            return args is [_, "--help"] ? 0 : 2;
        }

        var results = new SimulationResult[options.Cores];
        TimeSpan before = Environment.CpuUsage.TotalTime;
        Parallel.For(0, options.Cores, new ParallelOptions { MaxDegreeOfParallelism = options.Cores },
            core => results[core] = new Simulator(options, options.Seed + (ulong)core).Run());
        foreach (SimulationResult result in results)
        {
            Console.WriteLine(result);
            foreach (string violation in result.Violations)
            {
                Console.WriteLine($"  VIOLATION {violation}");
            }
        }

        // What other programs of the machine take away shows in the first rate and not in the second.
        double operations = results.Sum(r => (double)r.Operations);
        double perCpu = operations / Math.Max((Environment.CpuUsage.TotalTime - before).TotalSeconds, 1e-9);
        int violations = results.Sum(r => r.Violations.Count);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{operations:F0} operations, {results.Average(r => r.Rate):F0} operations/s and core, "
            + $"{perCpu:F0} a second of CPU, {violations} violations"));
        return violations == 0 ? 0 : 1;
    }
}
