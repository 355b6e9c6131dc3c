using CocoGuest.Machine.Dma.Swiotlb;
using FsCheck;
using FsCheck.Fluent;

namespace CocoGuest.Tests.Machine.Dma;

/// <summary>The pool against <see cref="NaivePool"/>, compared whole after every step.</summary>
[Statement("S-SWI-03", "S-SWI-20", "S-SWI-21", "S-SWI-22", "S-SWI-23", "S-SWI-24", "S-SWI-25")]
public class SwiotlbPoolPropertyTests
{
    private const int Slots = 512;
    private const int Areas = 2;

    private static readonly ulong[] Masks = [0, 0, 0xfff, 0x1ff, 0x3fff, 0xffff];
    private static readonly ulong[] Boundaries = [ulong.MaxValue, uint.MaxValue, 0xffff, 0x7fff];
    private static readonly ulong[] AllocMasks = [0, 0, 0, 0x3fff];
    private static readonly int[] Sizes = [1, 512, 2048, 2049, 4096, 8192, 65536, 131072, 262144, 20000];

    // The second start is aligned to nothing but a page, so that searches with larger masks meet it.
    private static readonly ulong[] Starts = [0x40000000, 0x40003000];

    private static Arbitrary<int[]> Steps => Gen.Choose(0, int.MaxValue).ArrayOf().Resize(200).ToArbitrary();

    [Fact]
    public void AnySteps_PoolAndModel_Agree() =>
        Prop.ForAll(Steps, steps => Starts.All(start => Agree(start, steps, NaivePool.Bug.None))).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(nameof(NaivePool.Bug.RunsCrossSegments))]
    [InlineData(nameof(NaivePool.Bug.HintStays))]
    [InlineData(nameof(NaivePool.Bug.OriginalBitsIgnored))]
    public void AnySteps_PlantedBug_IsFound(string bug) =>
        Assert.ThrowsAny<Exception>(
            () => Prop.ForAll(Steps, steps => Agree(Starts[1], steps, Enum.Parse<NaivePool.Bug>(bug))).QuickCheckThrowOnFailure());

    private static bool Agree(ulong start, int[] steps, NaivePool.Bug bug)
    {
        var pool = new SwiotlbPool(new SwiotlbPoolOptions("", start, Slots, Areas, SwiotlbForce.None), new RecordingBounceMemory());
        var model = new NaivePool(start, Slots, Areas, bug);
        foreach (int step in steps)
        {
            var random = new Random(step);
            ulong[] live = [.. model.Live];
            if (live.Length > 0 && random.Next(3) == 0)
            {
                ulong address = live[random.Next(live.Length)];
                model.Release(address);
                if (!pool.Release(address))
                {
                    return false;
                }
            }
            else if (!SameAllocation(pool, model, random))
            {
                return false;
            }

            if (!SameState(pool, model))
            {
                return false;
            }
        }

        return true;
    }

    private static bool SameAllocation(SwiotlbPool pool, NaivePool model, Random random)
    {
        ulong original = (ulong)random.NextInt64(1 << 30);
        int size = Sizes[random.Next(Sizes.Length)];
        var wants = new SwiotlbConstraints(
            Masks[random.Next(Masks.Length)],
            Boundaries[random.Next(Boundaries.Length)],
            random.Next(3),
            AllocMasks[random.Next(AllocMasks.Length)]);
        ulong expected = model.Allocate(
            original, size, wants.MinAlignMask, wants.SegmentBoundaryMask, wants.Cpu, wants.AllocAlignMask);
        return pool.Allocate(original, (ulong)size, wants) == expected;
    }

    private static bool SameState(SwiotlbPool pool, NaivePool model)
    {
        for (uint slot = 0; slot < Slots; slot++)
        {
            if (pool.FreeRun(slot) != model.FreeRun((int)slot))
            {
                return false;
            }
        }

        uint used = 0;
        for (uint area = 0; area < Areas; area++)
        {
            if (pool.AreaHint(area) != model.Hints[(int)area] || pool.AreaUsed(area) != model.UsedIn((int)area))
            {
                return false;
            }

            used += pool.AreaUsed(area);
        }

        return pool.UsedSlots == used;
    }
}
