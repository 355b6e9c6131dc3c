using System.Globalization;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <summary>Arguments of <c>sim</c>.</summary>
internal sealed record SimulationOptions
{
    /// <summary>What <c>sim --help</c> prints.</summary>
    public const string Help = """
        sim [--seed N] [--seconds S | --operations N] [--cores N] [--platform NAME] [--kernel NAME] [--sample N]
          --seed        First seed; core i runs seed + i. Default 1.
          --seconds     How long, in seconds. Default 10.
          --operations  How many operations a core instead of how long: the same seed and number give the same digest.
          --cores       Simulations side by side. Default 1.
          --platform    Only this platform (none, sev, snp, tdx ...). Default: all that boot.
          --kernel      Only this kernel (6.12, seed-v1, 7.2 ...). Default: all.
          --sample      Operations between two checks of all invariants. Default 10000.
        """;

    public ulong Seed { get; init; } = 1;

    public double Seconds { get; init; } = 10;

    /// <summary>Operations a core; 0: as many as fit into <see cref="Seconds"/>.</summary>
    public ulong Operations { get; init; }

    public int Cores { get; init; } = 1;

    public ulong Sample { get; init; } = 10_000;

    public Platform? Platform { get; init; }

    public KernelVersion? Kernel { get; init; }

    /// <summary>The options, or a sentence that says what is wrong.</summary>
    public static (SimulationOptions? Options, string? Wrong) Parse(ReadOnlySpan<string> args)
    {
        var options = new SimulationOptions();
        for (int i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length || options.With(args[i], args[i + 1]) is not { } next)
            {
                return (null, $"'{args[i]}{(i + 1 < args.Length ? " " + args[i + 1] : "")}' is not understood.");
            }

            options = next;
        }

        return (options, null);
    }

    private SimulationOptions? With(string name, string value) => name switch
    {
        "--seed" when ulong.TryParse(value, CultureInfo.InvariantCulture, out ulong seed) => this with { Seed = seed },
        "--seconds" when double.TryParse(value, CultureInfo.InvariantCulture, out double seconds) && seconds > 0 =>
            this with { Seconds = seconds },
        "--operations" when ulong.TryParse(value, CultureInfo.InvariantCulture, out ulong count) => this with { Operations = count },
        "--cores" when int.TryParse(value, CultureInfo.InvariantCulture, out int cores) && cores is > 0 and <= 64 =>
            this with { Cores = cores },
        "--sample" when ulong.TryParse(value, CultureInfo.InvariantCulture, out ulong sample) && sample > 0 =>
            this with { Sample = sample },
        "--platform" when PlatformProfile.Find(value) is { } platform => this with { Platform = platform.Platform },
        "--kernel" when KernelProfile.Find(value) is { } kernel => this with { Kernel = kernel.Version },
        _ => null,
    };
}
