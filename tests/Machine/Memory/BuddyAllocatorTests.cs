using CocoGuest.Machine.Memory.Frames;
using FsCheck;
using FsCheck.Fluent;

namespace CocoGuest.Tests.Machine.Memory;

public sealed class BuddyAllocatorTests
{
    private const ulong ModelEnd = 8192;

    // Ragged on purpose: ranges that start and end inside blocks, touch, and leave holes inside a block and of whole blocks.
    private static readonly FrameRange[][] Layouts =
    [
        [new(0, 2048)],
        [new(3, 1021), new(1024, 700), new(1800, 5)],
        [new(6145, 1000), new(0, 1), new(1023, 2), new(2048, 1500)],
        [new(4096, 1024), new(7168, 1024)],
    ];

    [Fact]
    [Statement("S-UNV-55")]
    public void TryAllocate_FreshRam_TakesLowestAddressFirst()
    {
        var buddy = new BuddyAllocator([new(0x100000, 4096), new(0, 4096)]);
        Assert.Equal([0UL, 1, 2, 3], Take(buddy, 0, 4));
    }

    [Fact]
    [Statement("S-UNV-55", "S-SYS-02")]
    public void TryAllocate_SmallerOrderHigherUp_PrefersSmallestSufficientOrder()
    {
        var buddy = new BuddyAllocator([new(0, 1024), new(2048, 3)]);
        Assert.Equal([2050UL, 2048, 2049, 0], Take(buddy, 0, 4));
    }

    [Fact]
    public void TryAllocate_MixedOrders_PutsUpperHalvesBack()
    {
        var buddy = new BuddyAllocator([new(0, 1024)]);
        Assert.Equal([0UL], Take(buddy, 0, 1));
        Assert.Equal([256UL], Take(buddy, 8, 1));
        Assert.Equal([16UL], Take(buddy, 4, 1));
        Assert.Equal([1UL], Take(buddy, 0, 1));
    }

    [Fact]
    public void TryAllocate_NoBlockLargeEnough_FailsAndChangesNothing()
    {
        var buddy = new BuddyAllocator([new(1, 255), new(256, 255)]);
        Assert.False(buddy.TryAllocate(8, out _));
        Assert.Equal(510UL, buddy.FreeFrames);
    }

    [Fact]
    public void TryAllocate_NoRam_Fails() => Assert.False(new BuddyAllocator([]).TryAllocate(0, out _));

    [Theory]
    [InlineData(-1)]
    [InlineData(11)]
    public void TryAllocate_OrderOutOfRange_Throws(int order) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new BuddyAllocator([new(0, 1024)]).TryAllocate(order, out _));

    [Fact]
    public void Free_LastBuddy_MergesUpToTheLargestOrder()
    {
        var buddy = new BuddyAllocator([new(1024, 1024)]);
        Assert.True(buddy.TryAllocate(0, out ulong frame));
        Assert.Equal(0UL, buddy.FreeBlocks(BuddyAllocator.MaxOrder));
        buddy.Free(frame, 0);
        Assert.Equal(1UL, buddy.FreeBlocks(BuddyAllocator.MaxOrder));
    }

    [Fact]
    public void Free_BlockInParts_Merges()
    {
        var buddy = new BuddyAllocator([new(0, 1024)]);
        Assert.True(buddy.TryAllocate(2, out ulong frame));
        for (ulong i = 0UL; i < 4; i++)
            buddy.Free(frame + i, 0);
        Assert.Equal(1UL, buddy.FreeBlocks(BuddyAllocator.MaxOrder));
    }

    [Theory]
    [InlineData(0, 0)] // inside a larger free block
    [InlineData(512, 9)] // exactly a free block
    [InlineData(256, 8)] // around smaller free blocks
    public void Free_AnyFrameFreeAlready_Throws(ulong frame, int order)
    {
        var buddy = new BuddyAllocator([new(0, 1024)]);
        Assert.True(buddy.TryReserve(new(260, 3)));
        Assert.Throws<InvalidOperationException>(() => buddy.Free(frame, order));
        Assert.Equal(1021UL, buddy.FreeFrames);
    }

    [Theory]
    [InlineData(1, 1)] // not aligned
    [InlineData(2048, 0)] // behind RAM, a block without any
    [InlineData(1500, 0)] // no RAM, in a block that has some
    [InlineData(1024, 9)] // half RAM
    public void Free_NotAnAllocatableBlock_Throws(ulong frame, int order)
    {
        var buddy = new BuddyAllocator([new(0, 1424)]);
        Assert.True(buddy.TryReserve(new(0, 1424)));
        Assert.Throws<InvalidOperationException>(() => buddy.Free(frame, order));
    }

    [Fact]
    public void TryReserve_AllFree_TakesExactlyTheseFrames()
    {
        var buddy = new BuddyAllocator([new(0, 4096)]);
        Assert.True(buddy.TryReserve(new(1000, 2000)));
        Assert.Equal(2096UL, buddy.FreeFrames);
        Assert.True(buddy.IsFree(999) && !buddy.IsFree(1000) && !buddy.IsFree(2999) && buddy.IsFree(3000));
    }

    [Theory]
    [InlineData(4000, 97)] // reaches behind RAM
    [InlineData(90, 20)] // one frame taken
    [InlineData(5000, 1)] // no RAM at all
    [InlineData(ulong.MaxValue, 2)] // wraps
    public void TryReserve_NotAllFree_FailsAndChangesNothing(ulong first, ulong count)
    {
        var buddy = new BuddyAllocator([new(0, 4096)]);
        Assert.True(buddy.TryReserve(new(100, 1)));
        Assert.False(buddy.TryReserve(new(first, count)));
        Assert.Equal(4095UL, buddy.FreeFrames);
    }

    [Fact]
    public void Constructor_OverlappingRanges_Throws() =>
        Assert.Throws<ArgumentException>(() => new BuddyAllocator([new(0, 10), new(9, 1)]));

    [Fact]
    public void Constructor_SparseAddresses_CountsRamOnly()
    {
        var buddy = new BuddyAllocator([new(1UL << 40, 5), new((1UL << 52) - 1, 1)]);
        Assert.Equal(6UL, buddy.TotalFrames);
        Assert.Equal([1UL << 40], Take(buddy, 2, 1));
        Assert.Equal([(1UL << 40) + 4, (1UL << 52) - 1], Take(buddy, 0, 2));
    }

    [Fact]
    public void TryAllocateAndFree_AfterConstruction_AllocateNoManagedMemory()
    {
        var buddy = new BuddyAllocator([new(0, 1 << 20)]);
        Cycle(buddy);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Cycle(buddy);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    [Statement("S-UNV-55", "S-SYS-02")]
    public void AnySequence_ComparedWithModel_AgreesAndConserves() =>
        Sequences().QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("HighestAddress")]
    [InlineData("LargestOrder")]
    [InlineData("LeaksOnFree")]
    public void AnySequence_ComparedWithPlantedBug_Disagrees(string bug)
    {
        Exception found = Assert.ThrowsAny<Exception>(() => Sequences(Enum.Parse<BuddyModel.Bug>(bug)).QuickCheckThrowOnFailure());
        Assert.StartsWith("Falsifiable", found.Message, StringComparison.Ordinal);
    }

    private static Property Sequences(BuddyModel.Bug bug = BuddyModel.Bug.None) =>
        Prop.ForAll(
            Gen.Choose(0, Layouts.Length - 1).ToArbitrary(),
            Gen.Choose(0, int.MaxValue - 1).ArrayOf(120).ToArbitrary(),
            (layout, steps) => Agrees(Layouts[layout], steps, bug));

    /// <summary>Runs the steps on both; each number is decoded into an operation so that any sequence is a valid one.</summary>
    private static bool Agrees(FrameRange[] ram, int[] steps, BuddyModel.Bug bug)
    {
        var buddy = new BuddyAllocator(ram);
        var model = new BuddyModel(ram, ModelEnd, bug);
        var taken = new List<(ulong Frame, int Order)>();
        foreach (int step in steps)
        {
            (int kind, int rest) = (step % 8, step / 8);
            bool agree = kind switch
            {
                < 4 => Allocate(buddy, model, taken, rest),
                < 7 => Free(buddy, model, taken, rest),
                _ => Reserve(buddy, model, taken, rest),
            };
            if (!agree || buddy.FreeFrames != model.FreeFrames)
                return false;
        }
        ulong held = taken.Aggregate(0UL, (sum, block) => sum + (1UL << block.Order));
        return buddy.FreeFrames + held == buddy.TotalFrames
            && Enumerable.Range(0, BuddyAllocator.MaxOrder + 1).All(order => buddy.FreeBlocks(order) == model.FreeBlocks(order))
            && Enumerable.Range(0, (int)ModelEnd).All(frame => buddy.IsFree((ulong)frame) == model.IsFree((ulong)frame));
    }

    private static bool Allocate(BuddyAllocator buddy, BuddyModel model, List<(ulong Frame, int Order)> taken, int rest)
    {
        int order = rest % (BuddyAllocator.MaxOrder + 1);
        ulong? expected = model.Allocate(order);
        if (!buddy.TryAllocate(order, out ulong frame))
            return expected is null;
        taken.Add((frame, order));
        return expected == frame;
    }

    private static bool Free(BuddyAllocator buddy, BuddyModel model, List<(ulong Frame, int Order)> taken, int rest)
    {
        if (taken.Count == 0)
            return true;
        int index = rest % taken.Count;
        (ulong frame, int order) = taken[index];
        taken.RemoveAt(index);
        buddy.Free(frame, order);
        model.Free(frame, order);
        return true;
    }

    private static bool Reserve(BuddyAllocator buddy, BuddyModel model, List<(ulong Frame, int Order)> taken, int rest)
    {
        var range = new FrameRange((ulong)rest % ModelEnd, (ulong)(rest >> 13) % 40);
        bool expected = model.Reserve(range);
        if (buddy.TryReserve(range) != expected)
            return false;
        for (ulong frame = range.First; expected && frame < range.End; frame++)
            taken.Add((frame, 0));
        return true;
    }

    private static List<ulong> Take(BuddyAllocator buddy, int order, int count) =>
        Enumerable.Range(0, count).Select(_ => buddy.TryAllocate(order, out ulong frame) ? frame : ulong.MaxValue).ToList();

    private static void Cycle(BuddyAllocator buddy)
    {
        for (int order = 0; order <= BuddyAllocator.MaxOrder; order++)
        {
            _ = buddy.TryAllocate(order, out ulong first);
            _ = buddy.TryAllocate(order, out ulong second);
            buddy.Free(first, order);
            buddy.Free(second, order);
        }
    }
}
