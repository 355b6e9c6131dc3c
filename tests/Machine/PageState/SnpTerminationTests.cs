using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Trackers;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.PageState;

public class SnpTerminationTests
{
    private static readonly FrameRange Chunk = new(0x310, 16);
    private readonly List<string> _log = [];

    [Fact]
    [Statement("S-SNP-35", "S-SYS-24", "S-SNP-11", "S-SNP-10", "S-SNP-12")]
    public void ToPrivate_AlreadyPrivate_TerminatesWithPvalidate()
    {
        TestVmm vmm = new();
        IPageStateTracker tracker = Create(vmm);
        Failure failure = Assert.IsType<Failure>(tracker.ConvertToPrivate(Chunk));
        Assert.Equal(Errno.EOWNERDEAD, failure.Errno);
        Assert.Contains("reason set 1, code 2 (PVALIDATE)", failure.Sentence, StringComparison.Ordinal);
        Assert.Contains("0x310000: no change", failure.Sentence, StringComparison.Ordinal);
        Assert.Equal((1, 2), (tracker.Termination!.ReasonSet, tracker.Termination.Code));
        Assert.Single(vmm.Exits);
        Assert.Equal(1UL, tracker.Counters.Pvalidates);
        Assert.Empty(_log);
    }

    [Fact]
    [Statement("S-SNP-36")]
    public void ToShared_AlreadyShared_TerminatesBeforeAnyExit()
    {
        TestVmm vmm = new();
        IPageStateTracker tracker = Create(vmm);
        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.Equal(Errno.EOWNERDEAD, tracker.ConvertToShared(Chunk)?.Errno);
        Assert.Equal((1, 2), (tracker.Termination!.ReasonSet, tracker.Termination.Code));
        Assert.Single(vmm.Exits);
    }

    [Fact]
    [Statement("S-SNP-37", "S-UNV-57")]
    public void Convert_AfterTermination_FailsWithTheSameReasonAndDoesNothing()
    {
        IPageStateTracker tracker = Create(new TestVmm());
        Assert.NotNull(tracker.ConvertToPrivate(Chunk));
        GuestTermination first = tracker.Termination!;
        ConversionCounters counters = tracker.Counters;
        Failure failure = Assert.IsType<Failure>(tracker.ConvertToShared(new FrameRange(0x800, 1)));
        Assert.Equal(Errno.EOWNERDEAD, failure.Errno);
        Assert.Contains("reason set 1, code 2", failure.Sentence, StringComparison.Ordinal);
        Assert.Same(first, tracker.Termination);
        Assert.Equal(counters, tracker.Counters);
        Assert.False(tracker.IsShared(0x800));
    }

    [Theory]
    [InlineData(VmmAnswer.Invalid)]
    [InlineData(VmmAnswer.Again)]
    [Statement("S-SNP-38", "S-SNP-24", "S-SETM-23")]
    public void ToShared_SecondBatchRefused_TerminatesWithPscAndKeepsTheFirstBatch(VmmAnswer answer)
    {
        IPageStateTracker tracker = Create(new PolicyHypervisor(1, 1, answer));
        Assert.Equal(Errno.EOWNERDEAD, tracker.ConvertToShared(new FrameRange(0x300, 256))?.Errno);
        Assert.Equal((1, 1), (tracker.Termination!.ReasonSet, tracker.Termination.Code));
        Assert.Equal(PageCondition.Shared, tracker.ConditionOf(0x33f));
        Assert.Equal(PageCondition.PrivateUnvalidated, tracker.ConditionOf(0x340));
        Assert.Equal(PageCondition.PrivateUnvalidated, tracker.ConditionOf(0x37f));
        Assert.Equal(PageCondition.Private, tracker.ConditionOf(0x380));
        Assert.Empty(_log);
    }

    [Fact]
    [Statement("S-SNP-38")]
    public void ToShared_ExitsNotEnabled_TerminatesWithPsc()
    {
        IPageStateTracker tracker = Create(new TestVmm { MapGpaRangeExits = false });
        Assert.NotNull(tracker.ConvertToShared(Chunk));
        Assert.Equal((1, 1), (tracker.Termination!.ReasonSet, tracker.Termination.Code));
    }

    [Fact]
    [Statement("S-SNP-20")]
    public void Convert_AtTheExit_IsInvalidatedOnTheWayToSharedAndUnassignedOnTheWayBack()
    {
        TestVmm vmm = new();
        IPageStateTracker tracker = Create(vmm);
        List<RmpState?> seen = [];
        vmm.OnExit = exit => seen.Add(tracker.Describe(exit.Range.First).Rmp?.State);
        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.Null(tracker.ConvertToPrivate(Chunk));
        Assert.Equal([RmpState.GuestInvalid, RmpState.Hypervisor], seen);
    }

    [Fact]
    [Statement("S-SNP-02", "S-SNP-30")]
    public void Describe_RmpEntry_HasFrameAsidAndSize()
    {
        IPageStateTracker tracker = PageStateTrackers.Create(
            new PageStateOptions { Platform = Platform.SevSnp, Frames = 0x1000, Asid = 5 });
        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.Equal(default(RmpEntry), tracker.Describe(Chunk.First).Rmp);
        Assert.Equal(new RmpEntry(true, MappingSize.Size4K, false, 0x30f, 5, false, true), tracker.Describe(0x30f).Rmp);
        Assert.Equal(MappingSize.Size2M, tracker.Describe(0x400).Rmp?.Size);
    }

    [Fact]
    [Statement("S-SNP-32")]
    public void Convert_VmmThatKeepsTheBacking_LeavesTheOldPageAssignedAndComesBackValid()
    {
        IPageStateTracker tracker = Create(new TestVmm { DiscardsOldBacking = false });
        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.Equal((PageCondition.Shared, (RmpState?)RmpState.GuestInvalid), StateOf(tracker, Chunk.First));
        Assert.Null(tracker.ConvertToPrivate(Chunk));
        Assert.Equal((PageCondition.Private, (RmpState?)RmpState.GuestValid), StateOf(tracker, Chunk.First));
    }

    [Fact]
    [Statement("S-SNP-05")]
    public void ToPrivate_PartOfAShared2MiBEntry_BreaksItUpWithoutPsmash()
    {
        IPageStateTracker tracker = Create(new TestVmm());
        Assert.Null(tracker.ConvertToShared(new FrameRange(0x400, 512)));
        Assert.Null(tracker.ConvertToPrivate(new FrameRange(0x400, 8)));
        Assert.Equal(0UL, tracker.Counters.RmpSplits);
        Assert.Equal(MappingSize.Size4K, tracker.Describe(0x500).Rmp?.Size);
    }

    [Fact]
    [Statement("S-SNP-08")]
    public void ToShared_LaunchPage_TerminatesAndShowsImmutable()
    {
        IPageStateTracker tracker = PageStateTrackers.Create(
            new PageStateOptions { Platform = Platform.SevSnp, Frames = 0x1000, LaunchPages = new FrameRange(0xff0, 4) });
        Assert.Equal(RmpState.Immutable, tracker.Describe(0xff3).Rmp?.State);
        Assert.Equal(RmpState.GuestValid, tracker.Describe(0xff4).Rmp?.State);
        Assert.NotNull(tracker.ConvertToShared(new FrameRange(0xff0, 1)));
        Assert.Contains("immutable", tracker.Termination!.Sentence, StringComparison.Ordinal);
    }

    private static (PageCondition Condition, RmpState? Rmp) StateOf(IPageStateTracker tracker, ulong frame) =>
        (tracker.ConditionOf(frame), tracker.Describe(frame).Rmp?.State);

    private IPageStateTracker Create(IHypervisor vmm) => PageStateTrackers.Create(
        new PageStateOptions { Platform = Platform.SevSnp, Frames = 0x1000, Hypervisor = vmm, Warn = _log.Add });
}
