using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>Random runs: weighted steps, shrunk by leaving steps out.</summary>
internal static class Ops
{
    private static readonly (OpKind Kind, int Weight)[] Weights =
    [
        (OpKind.Allocate, 10), (OpKind.Release, 7), (OpKind.Mmap, 9), (OpKind.Munmap, 5), (OpKind.Store, 18), (OpKind.Load, 6),
        (OpKind.Attach, 8), (OpKind.Map, 8), (OpKind.Unmap, 6), (OpKind.Detach, 5), (OpKind.Sync, 7), (OpKind.DmaWrite, 7),
        (OpKind.DmaRead, 3), (OpKind.WildWrite, 8), (OpKind.WildRead, 3), (OpKind.HostRead, 3), (OpKind.OpenFd, 3), (OpKind.Export, 4),
        (OpKind.Import, 4), (OpKind.Advance, 2), (OpKind.Open, 3), (OpKind.End, 2), (OpKind.Register, 3), (OpKind.Unregister, 1),
    ];

    private static readonly OpKind[] Wheel = [.. Weights.SelectMany(w => Enumerable.Repeat(w.Kind, w.Weight))];

    /// <summary>COCOGUEST_RUNS=50 makes the properties look fifty times as long, for a soak.</summary>
    private static int Factor { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("COCOGUEST_RUNS"), CultureInfo.InvariantCulture, out int factor) ? factor : 1;

    /// <summary>Runs of this many steps. A failing one is shrunk to steps that matter; FsCheck prints it and the seed.</summary>
    public static Arbitrary<Op[]> Runs(int steps) =>
        Arb.From(Gen.Choose(0, int.MaxValue - 1).ArrayOf(steps).Select(Decode), Shrink);

    /// <summary>Checks a property of sequences of numbers, shrunk in the same way.</summary>
    public static void CheckNumbers(int runs, int length, Action<int[]> property) =>
        Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue - 1).ArrayOf(length), Shrink), property)
            .Check(Config.QuickThrowOnFailure.WithMaxTest(runs * Factor));

    /// <summary>The run of a seed, for tests that want the same one again.</summary>
    public static Op[] Of(int seed, int steps)
    {
        var random = new Random(seed);
        return Decode([.. Enumerable.Range(0, steps).Select(_ => random.Next())]);
    }

    /// <summary>Checks a property on some runs, or on many times as many: <see cref="Factor"/>.</summary>
    public static void Check(int runs, int steps, Action<Op[]> property) =>
        Prop.ForAll(Runs(steps), property).Check(Config.QuickThrowOnFailure.WithMaxTest(runs * Factor));

    private static Op[] Decode(int[] numbers) => Array.ConvertAll(numbers, n => new Op(Wheel[n % Wheel.Length], n / Wheel.Length));

    private static IEnumerable<T[]> Shrink<T>(T[] run)
    {
        for (int size = run.Length / 2; size > 0; size /= 2)
        {
            for (int start = 0; start < run.Length; start += size)
            {
                yield return [.. run[..start], .. run[Math.Min(run.Length, start + size)..]];
            }
        }
    }
}
