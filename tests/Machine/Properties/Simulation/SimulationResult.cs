using System.Globalization;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <summary>What one core's run found.</summary>
/// <param name="Seed">Its seed.</param>
/// <param name="Operations">Operations done.</param>
/// <param name="Elapsed">In this time.</param>
/// <param name="Digest">Digest of all answers: the same for the same seed, options and number of operations.</param>
/// <param name="Guests">Guests that lived.</param>
/// <param name="Violations">What was wrong; empty: nothing.</param>
internal sealed record SimulationResult(
    ulong Seed, ulong Operations, TimeSpan Elapsed, ulong Digest, int Guests, IReadOnlyList<string> Violations)
{
    /// <summary>Operations a second.</summary>
    public double Rate => Operations / Math.Max(Elapsed.TotalSeconds, 1e-9);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"seed {Seed}: {Operations} operations, {Rate:F0} operations/s, {Guests} guests, "
        + $"digest {Digest:x16}, {Violations.Count} violations");
}
