using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Swiotlb;

namespace CocoGuest.Tests.Machine.Dma;

public class SwiotlbPoolTests
{
    private const ulong Start = 0x40000000;
    private static readonly SwiotlbConstraints Plain = new(0, 0xffffffff, 0);

    [Fact]
    [Statement("S-VEC-21", "S-SWI-20", "S-SWI-21", "S-SWI-22", "S-SWI-23", "S-SWI-25")]
    public void Allocate_SequenceOfVectors_GivesTheirAddresses()
    {
        SwiotlbPool pool = Pool(32768);

        Assert.Equal((Start, 2u), Map(pool, 0x100000, 4096));
        Assert.Equal((0x40001000UL, 3u), Map(pool, 0x200123, 1500));
        Assert.Equal((0x40002000UL, 5u), Map(pool, 0x110000, 4096));
        Assert.Equal((0x40040000UL, 133u), Map(pool, 0x120000, 262144));
        Assert.Equal((SwiotlbPool.NoAddress, 133u), Map(pool, 0x160000, 262145));
        Assert.Equal((0x40080e00UL, 134u), Map(pool, 0x300e00, 512, Plain with { MinAlignMask = 0xfff }));
        Assert.Equal((0x40081000UL, 166u), Map(pool, 0x400000, 65536));
        Assert.Equal([0, 0, 0, 1, 0, 0, 122, 121], Runs(pool));
        Assert.True(pool.Release(0x40001000));
        Assert.Equal([0, 0, 2, 1, 0, 0, 122, 121], Runs(pool));
        Assert.Equal(165u, pool.UsedSlots);
        Assert.Equal((0x40091000UL, 166u), Map(pool, 0x500000, 2048));
        Assert.Equal(166u, pool.Snapshot().HighWaterSlots);
    }

    [Fact]
    [Statement("S-VEC-22", "S-SWI-24", "S-SWI-02")]
    public void Allocate_PaddedRequest_TakesAndGivesBackAllItsSlots()
    {
        SwiotlbPool pool = Pool(512);
        var wants = new SwiotlbConstraints(0xffff, 0xffffffff, 0, AllocAlignMask: 0xffff);

        ulong address = pool.Allocate(0x10003800, 4096, wants);

        Assert.Equal((0x40003800UL, 32u), (address, pool.UsedSlots));
        Assert.Equal([SwiotlbPool.NoAddress, 0x10003800UL, 0x10004000UL], new[] { 6u, 7u, 8u }.Select(pool.OriginalOf));
        Assert.True(pool.Release(address));
        Assert.Equal(0u, pool.UsedSlots);
    }

    [Fact]
    [Statement("S-VEC-23")]
    public void Allocate_64KiBUntilFull_TakesExactly1024()
    {
        SwiotlbPool pool = Pool(32768);

        int taken = 0;
        while (pool.Allocate(0x100000, 65536, Plain) != SwiotlbPool.NoAddress)
        {
            taken++;
        }

        Assert.Equal((1024, 32768u), (taken, pool.UsedSlots));
    }

    [Fact]
    [Statement("S-VEC-24", "S-SWI-22", "S-SWI-26", "S-UNV-54")]
    public void Allocate_FromSeveralCpus_StartsInTheirAreas()
    {
        SwiotlbPool pool = Pool(32768, areas: 4);

        IEnumerable<ulong> slots = new[] { 0, 1, 2, 3, 5 }
            .Select(cpu => (pool.Allocate(0x100000, 2048, Plain with { Cpu = cpu }) - Start) >> SwiotlbPool.SlotShift);

        Assert.Equal([0UL, 8192, 16384, 24576, 8193], slots);
    }

    [Theory]
    [Statement("S-VEC-25", "S-SWI-11")]
    [InlineData(0, 262144)]
    [InlineData(0xfff, 258048)]
    [InlineData(0x1ff, 260096)]
    public void MaxMappingSize_MinAlignMask_TakesWholeSlotsAway(ulong mask, ulong expected) =>
        Assert.Equal(expected, SwiotlbPool.MaxMappingSize(mask));

    [Fact]
    [Statement("S-SWI-03", "S-SWI-02")]
    public void FreeRun_FreshPool_EndsAtEachSegment()
    {
        SwiotlbPool pool = Pool(256);

        Assert.Equal([128, 1, 128, 1], new[] { 0u, 127u, 128u, 255u }.Select(pool.FreeRun));
    }

    [Fact]
    [Statement("S-SWI-22")]
    public void Allocate_AreaFull_GoesToTheNextArea()
    {
        SwiotlbPool pool = Pool(256, areas: 2);
        pool.Allocate(0x100000, 262144, Plain);

        Assert.Equal(Start + 262144, pool.Allocate(0x200000, 2048, Plain));
    }

    [Fact]
    [Statement("S-SWI-22")]
    public void Allocate_SegmentBoundary_IsNotCrossed()
    {
        SwiotlbPool pool = Pool(128);
        SwiotlbConstraints wants = Plain with { SegmentBoundaryMask = 0x1fff };
        pool.Allocate(0x100000, 2048, wants);

        Assert.Equal(Start + 0x2000, pool.Allocate(0x200000, 8192, wants));
    }

    [Theory]
    [InlineData(0x40000800UL)]
    [InlineData(0x40001000UL)]
    [InlineData(0x3ffff800UL)]
    [InlineData(0x50000000UL)]
    public void Release_NotAMapping_ChangesNothing(ulong address)
    {
        SwiotlbPool pool = Pool(128);
        pool.Allocate(0x100000, 4096, Plain);

        Assert.False(pool.Release(address));
        Assert.Equal(2u, pool.UsedSlots);
    }

    [Fact]
    public void Release_Twice_IsRefusedTheSecondTime()
    {
        SwiotlbPool pool = Pool(128);
        ulong address = pool.Allocate(0x100000, 4096, Plain);
        pool.Release(address);

        Assert.False(pool.Release(address));
        Assert.Equal(0u, pool.UsedSlots);
    }

    [Fact]
    [Statement("S-SWI-35")]
    public void Snapshot_MapAndUnmap_CountsLiveAndStaleBytes()
    {
        SwiotlbPool pool = Pool(256);
        ulong first = pool.Allocate(0x100000, 5000, Plain);
        ulong second = pool.Allocate(0x200000, 262144, Plain);
        Assert.Equal((267144UL, 0UL), Declassified(pool));

        pool.Release(first);
        pool.Release(second);
        Assert.Equal((0UL, 6144UL + 262144), Declassified(pool));

        pool.SetAreaHint(0, 1);
        pool.Allocate(0x100000, 100, Plain);
        Assert.Equal((100UL, 6144UL + 262144 - 2048), Declassified(pool));
    }

    [Theory]
    [Statement("S-SWI-52", "S-VEC-15")]
    [InlineData(false, false, 32, 32, 0, 32)]
    [InlineData(true, false, 32, 0, 0, 0)]
    [InlineData(true, true, 32, 32, 0, 32)]
    public void Snapshot_OneMappingHeldAndGone_ReportsAsTheKernel(
        bool optIn, bool track, uint held, uint heldPeak, uint gone, uint gonePeak)
    {
        var pool = new SwiotlbPool(
            new SwiotlbPoolOptions("", Start, 32768, 1, SwiotlbForce.None) { HighWaterIsOptIn = optIn, TrackHighWater = track },
            new RecordingBounceMemory());

        ulong address = pool.Allocate(0x100000, 65536, Plain);
        SwiotlbCounters during = pool.Snapshot();
        pool.Release(address);
        SwiotlbCounters after = pool.Snapshot();

        Assert.Equal((held, heldPeak), (during.UsedSlots, during.HighWaterSlots));
        Assert.Equal((gone, gonePeak), (after.UsedSlots, after.HighWaterSlots));
    }

    [Fact]
    [Statement("S-SWI-50")]
    public void WriteHighWater_OnlyZero_IsTaken()
    {
        SwiotlbPool pool = Pool(128);
        pool.Release(pool.Allocate(0x100000, 4096, Plain));

        Assert.Equal(Errno.EINVAL, pool.WriteHighWater(1)?.Errno);
        Assert.Equal(2u, pool.Snapshot().HighWaterSlots);
        Assert.Null(pool.WriteHighWater(0));
        Assert.Equal(0u, pool.Snapshot().HighWaterSlots);
    }

    [Theory]
    [InlineData(100u, 1u)]
    [InlineData(128u, 2u)]
    [InlineData(0u, 1u)]
    public void Constructor_ImpossibleShape_Throws(uint slots, uint areas) =>
        Assert.Throws<ArgumentException>(() => Pool(slots, areas));

    private static SwiotlbPool Pool(uint slots, uint areas = 1) =>
        new(new SwiotlbPoolOptions("", Start, slots, areas, SwiotlbForce.None), new RecordingBounceMemory());

    private static (ulong Address, uint Used) Map(SwiotlbPool pool, ulong original, ulong size, SwiotlbConstraints? wants = null)
    {
        ulong address = pool.Allocate(original, size, wants ?? Plain);
        return (address, pool.UsedSlots);
    }

    private static IEnumerable<int> Runs(SwiotlbPool pool) => Enumerable.Range(0, 8).Select(slot => pool.FreeRun((uint)slot));

    private static (ulong Live, ulong Stale) Declassified(SwiotlbPool pool)
    {
        SwiotlbCounters counters = pool.Snapshot();
        return (counters.LiveBytes, counters.StaleBytes);
    }
}
