using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Allocation;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;
using FsCheck;
using FsCheck.Fluent;

namespace CocoGuest.Tests.Machine.Dma;

/// <summary>
/// Allocations of every kind, for devices with any mask, in guests whose memory reaches above 4 GiB and is given from there first: what a
/// device gets it reaches, whatever was allocated before.
/// </summary>
[Statement("S-DMA-63")]
public sealed class DmaReachPropertyTests
{
    private const ulong FiveGiB = 5UL << 30;
    private const int NarrowestMask = 24;
    private const int WidestMask = 40;
    private const int Kinds = 3;

    private static Arbitrary<int[]> Steps => Gen.Choose(0, int.MaxValue).ArrayOf().Resize(40).ToArbitrary();

    [Theory]
    [InlineData(Platform.None)]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    public void AnyMask_AllocationsOfAnyKind_AreInReach(Platform platform) =>
        Prop.ForAll(Steps, steps => AllReached(platform, steps)).Check(Config.QuickThrowOnFailure.WithMaxTest(20));

    private static bool AllReached(Platform platform, int[] steps)
    {
        using var test = new TestGuest(platform, shape: s => s with
        {
            MemoryBytes = FiveGiB,
            Fragmentation = FragmentationPolicy.Default with { HighZoneFirst = true },
        });
        for (int i = 0; i < steps.Length; i++)
        {
            var random = new Random(steps[i]);
            ulong mask = (1UL << random.Next(NarrowestMask, WidestMask + 1)) - 1;
            string name = $"device{i}";
            ulong size = (ulong)random.Next(1, 1 << 17);
            test.Register(test.Init, name, mask: mask);
            Result<DmaAllocation> made = random.Next(Kinds) switch
            {
                0 => test.Guest.DmaApi.AllocCoherent(test.Init, name, size),
                1 => test.Guest.DmaApi.AllocPages(test.Init, name, size, DmaDirection.Bidirectional),
                _ => test.Guest.DmaApi.AllocNoncontiguous(test.Init, name, size, DmaDirection.ToDevice),
            };
            if (made.Ok && made.Value.DmaAddress + made.Value.Size - 1 > mask)
            {
                return false;
            }
        }

        return true;
    }
}
