using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Trackers;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.PageState;

public class ConversionSequenceTests
{
    private static readonly FrameRange Chunk = new(0x310, 16);

    [Theory]
    [InlineData(Platform.None)]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    [Statement("S-PLAT-03")]
    public void Boot_EveryFrame_IsPrivateAndUsable(Platform platform)
    {
        IPageStateTracker tracker = PageStateTrackers.Create(new PageStateOptions { Platform = platform, Frames = 0x1000 });
        PageStateRun run = Assert.Single(tracker.Runs(new FrameRange(0, 0x1000)));
        Assert.Equal(new FrameRange(0, 0x1000), run.Range);
        Assert.Equal(PageCondition.Private, run.State.Condition);
        Assert.False(run.State.GuestShared);
        Assert.True(run.State.Agrees);
        Assert.Equal(MappingSize.Size2M, run.State.DirectMapSize);
        Assert.Equal(platform == Platform.Sev ? SevHostKnowledge.Unknown : null, run.State.Sev);
        Assert.Equal(platform == Platform.SevSnp ? RmpState.GuestValid : null, run.State.Rmp?.State);
        Assert.Equal(platform == Platform.SevSnp ? MappingSize.Size2M : null, run.State.Rmp?.Size);
        Assert.Equal(platform == Platform.Tdx ? new SeptEntry(SeptState.Mapped, MappingSize.Size2M) : null, run.State.Sept);
    }

    [Fact]
    [Statement("S-SETM-02")]
    public void Convert_OnPlainGuest_DoesNothing()
    {
        IPageStateTracker tracker = PageStateTrackers.Create(new PageStateOptions { Platform = Platform.None, Frames = 0x1000 });
        tracker.StopConversions();
        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.False(tracker.IsShared(Chunk.First));
        Assert.Equal(default, tracker.Counters);
    }

    // What the direct-map entry says (shared or private) while the host is being told.
    [Theory]
    [InlineData(Platform.SevSnp, ConversionDirection.ToShared, false)]
    [InlineData(Platform.SevSnp, ConversionDirection.ToPrivate, false)]
    [InlineData(Platform.Tdx, ConversionDirection.ToShared, true)]
    [InlineData(Platform.Tdx, ConversionDirection.ToPrivate, true)]
    [InlineData(Platform.Sev, ConversionDirection.ToShared, true)]
    [InlineData(Platform.Sev, ConversionDirection.ToPrivate, false)]
    [Statement("S-SETM-22", "S-SETM-20", "S-SETM-21")]
    public void Convert_AtTheExit_ThePteHasTheStateOfTheOrder(Platform platform, ConversionDirection direction, bool pteShared)
    {
        TestVmm vmm = new();
        IPageStateTracker tracker = Create(platform, vmm);
        if (direction == ConversionDirection.ToPrivate)
            Assert.Null(tracker.ConvertToShared(Chunk));

        bool? seen = null;
        vmm.OnExit = exit => seen = tracker.Describe(exit.Range.First).GuestShared;
        Assert.Null(direction == ConversionDirection.ToShared ? tracker.ConvertToShared(Chunk) : tracker.ConvertToPrivate(Chunk));
        Assert.Equal(pteShared, seen);
    }

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    [Statement("S-SETM-10", "S-SETM-21")]
    public void ConvertThereAndBack_ExactlyTheRange_ChangesAndAgrees(Platform platform)
    {
        IPageStateTracker tracker = Create(platform, new TestVmm());
        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.False(tracker.IsShared(Chunk.First - 1));
        Assert.True(tracker.IsShared(Chunk.First));
        Assert.True(tracker.IsShared(Chunk.End - 1));
        Assert.False(tracker.IsShared(Chunk.End));
        Assert.All(tracker.Runs(new FrameRange(0, 0x1000)), run => Assert.True(run.State.Agrees));
        Assert.Equal(platform == Platform.Tdx ? 16 : 0, tracker.SharedPagesByKernel);

        Assert.Null(tracker.ConvertToPrivate(Chunk));
        Assert.Equal(PageCondition.Private, tracker.ConditionOf(Chunk.First));
        Assert.All(tracker.Runs(new FrameRange(0, 0x1000)), run => Assert.True(run.State.Agrees));
        Assert.Equal(0, tracker.SharedPagesByKernel);
        Assert.Equal((1UL, 1UL), (tracker.Counters.ConversionsToShared, tracker.Counters.ConversionsToPrivate));
        Assert.Equal((16UL, 16UL), (tracker.Counters.PagesToShared, tracker.Counters.PagesToPrivate));
        Assert.Equal(0UL, tracker.Counters.FailedConversions);
    }

    [Theory]
    [InlineData(Platform.Sev, true, 4, 0)]
    [InlineData(Platform.Sev, false, 4, 2)]
    [InlineData(Platform.SevSnp, true, 4, 0)]
    [InlineData(Platform.Tdx, true, 3, 1)]
    [Statement("S-SETM-12", "S-SETM-10")]
    public void ConvertThereAndBack_Flushes_AreThoseOfThePlatform(Platform platform, bool coherent, ulong tlb, ulong cache)
    {
        IPageStateTracker tracker = PageStateTrackers.Create(
            new PageStateOptions { Platform = platform, Frames = 0x1000, CoherentAcrossCBit = coherent });
        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.Null(tracker.ConvertToPrivate(Chunk));
        Assert.Equal((tlb, cache), (tracker.Counters.TlbFlushes, tracker.Counters.CacheFlushes));
    }

    [Fact]
    [Statement("S-SETM-10")]
    public void ConvertToShared_OneFrameOf1GiBEntry_SplitsTwiceAndLeavesTheRestLarge()
    {
        IPageStateTracker tracker = PageStateTrackers.Create(new PageStateOptions { Platform = Platform.Tdx, Frames = 0x80000 });
        Assert.Equal(MappingSize.Size1G, tracker.Describe(0).DirectMapSize);
        Assert.Null(tracker.ConvertToShared(new FrameRange(0x40201, 1)));
        Assert.Equal(2UL, tracker.Counters.DirectMapSplits);
        Assert.Equal(MappingSize.Size1G, tracker.Describe(0x3ffff).DirectMapSize);
        Assert.Equal(MappingSize.Size2M, tracker.Describe(0x401ff).DirectMapSize);
        Assert.Equal(MappingSize.Size4K, tracker.Describe(0x40200).DirectMapSize);
        Assert.Equal(MappingSize.Size2M, tracker.Describe(0x40400).DirectMapSize);
        Assert.Equal(MappingSize.Size2M, tracker.Describe(0x7ffff).DirectMapSize);
    }

    [Fact]
    [Statement("S-SETM-10", "S-SETM-25")]
    public void ConvertToShared_Whole1GiBEntryOnSev_ChangesInPlaceWithOneHypercall()
    {
        TestVmm vmm = new();
        IPageStateTracker tracker = PageStateTrackers.Create(
            new PageStateOptions { Platform = Platform.Sev, Frames = 0x80000, Hypervisor = vmm });
        Assert.Null(tracker.ConvertToShared(new FrameRange(0x40000, 0x40000)));
        Assert.Equal(0UL, tracker.Counters.DirectMapSplits);
        Assert.Equal(1UL, tracker.Counters.HypervisorExits);
        Assert.False(tracker.IsShared(0x3ffff));
        Assert.True(tracker.IsShared(0x7ffff));
    }

    [Fact]
    [Statement("S-SETM-10", "S-SYS-24")]
    public void ConvertToPrivate_PartOfAPrivateLargeEntryOnSev_SplitsNothingAndTellsTheWholeEntry()
    {
        TestVmm vmm = new();
        IPageStateTracker tracker = Create(Platform.Sev, vmm);
        Assert.Null(tracker.ConvertToPrivate(Chunk));
        Assert.Equal(0UL, tracker.Counters.DirectMapSplits);
        Assert.Equal(new FrameRange(0x200, 512), Assert.Single(vmm.Exits).Range);
    }

    [Fact]
    [Statement("S-SEV-06", "S-SEV-03")]
    public void Convert_OnSevWithoutMigrationControl_LeavesTheHostUnknowing()
    {
        IPageStateTracker tracker = PageStateTrackers.Create(
            new PageStateOptions { Platform = Platform.Sev, Frames = 0x1000, MigrationControl = false });
        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.True(tracker.IsShared(Chunk.First));
        Assert.Equal(SevHostKnowledge.Unknown, tracker.Describe(Chunk.First).Sev);
        Assert.Equal(0UL, tracker.Counters.HypervisorExits);
    }

    [Fact]
    [Statement("S-SEV-03", "S-SEV-05")]
    public void Convert_OnSevRefusedByTheVmm_SucceedsAndTheHostDisagrees()
    {
        IPageStateTracker tracker = Create(Platform.Sev, new TestVmm { Answer = n => n == 0 ? VmmAnswer.Ok : VmmAnswer.Invalid });
        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.Equal(SevHostKnowledge.ToldShared, tracker.Describe(Chunk.First).Sev);
        Assert.Null(tracker.ConvertToPrivate(Chunk));
        PageStateInfo state = tracker.Describe(Chunk.First);
        Assert.Equal((PageCondition.Private, SevHostKnowledge.ToldShared, false), (state.Condition, state.Sev, state.Agrees));
    }

    [Fact]
    [Statement("S-SETM-20")]
    public void Convert_OnSnpWithMigrationControl_AlsoMakesTheHypercalls()
    {
        IPageStateTracker tracker = PageStateTrackers.Create(
            new PageStateOptions { Platform = Platform.SevSnp, Frames = 0x1000, MigrationControl = true });
        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.Equal(1UL + 16, tracker.Counters.HypervisorExits);
    }

    [Fact]
    public void Observer_RangePartlyThereAlready_HearsOnlyOfWhatChanged()
    {
        RecordingObserver heard = new();
        IPageStateTracker tracker = PageStateTrackers.Create(
            new PageStateOptions { Platform = Platform.Tdx, Frames = 0x1000, Observer = heard });
        Assert.Null(tracker.ConvertToShared(new FrameRange(0x304, 4)));
        Assert.Null(tracker.ConvertToShared(new FrameRange(0x300, 16)));
        Assert.Equal(
            [new FrameRange(0x304, 4), new FrameRange(0x300, 4), new FrameRange(0x308, 8)], heard.Changes.Select(change => change.Range));
        Assert.All(heard.Changes, change => Assert.Equal(ConversionDirection.ToShared, change.Direction));
    }

    [Theory]
    [InlineData(0x1000, 1)]
    [InlineData(0xfff, 2)]
    [InlineData(0x10, 0)]
    [InlineData(1, ulong.MaxValue)]
    public void Convert_RangeOutsideOrEmpty_IsMisuse(ulong first, ulong count)
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new TestVmm());
        Assert.Throws<ArgumentOutOfRangeException>(() => tracker.ConvertToShared(new FrameRange(first, count)));
        Assert.Equal(default, tracker.Counters);
    }

    [Fact]
    public void Runs_RangeOutside_IsMisuseAtTheCall()
    {
        IPageStateTracker tracker = Create(Platform.Sev, new TestVmm());
        Assert.Throws<ArgumentOutOfRangeException>(() => tracker.Runs(new FrameRange(0xfff, 2)));
    }

    [Fact]
    public void CountSameSharing_FromBothSides_StopsAtTheBorder()
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new TestVmm());
        Assert.Null(tracker.ConvertToShared(new FrameRange(0x100, 0x55)));
        Assert.Equal(0x100UL, tracker.Map.CountSameSharing(new FrameRange(0, 0x1000)));
        Assert.Equal(0x55UL, tracker.Map.CountSameSharing(new FrameRange(0x100, 0xf00)));
        Assert.Equal(0x10UL, tracker.Map.CountSameSharing(new FrameRange(0x100, 0x10)));
        Assert.Equal(0UL, tracker.Map.CountSameSharing(new FrameRange(0x100, 0)));
    }

    private static IPageStateTracker Create(Platform platform, TestVmm vmm) =>
        PageStateTrackers.Create(new PageStateOptions { Platform = platform, Frames = 0x1000, Hypervisor = vmm });

    private sealed class RecordingObserver : IConversionObserver
    {
        public List<(FrameRange Range, ConversionDirection Direction)> Changes { get; } = [];

        public void Changed(FrameRange range, ConversionDirection direction) => Changes.Add((range, direction));
    }
}
