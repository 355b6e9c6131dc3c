using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Trackers;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.PageState;

/// <summary>The table S-SETM-23, the messages, and what a failure leaves for the heap's clean-up (S-SYS-24, S-SYS-25).</summary>
public class ConversionFailureTests
{
    private static readonly FrameRange Chunk = new(0x310, 16);
    private readonly List<string> _log = [];

    [Fact]
    [Statement("S-SETM-23", "S-TDX-04", "S-TDX-15", "S-SETM-11")]
    public void TdxToPrivate_MapGpaRefused_LeavesPteAndHostShared()
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new TestVmm { Answer = n => n == 0 ? VmmAnswer.Ok : VmmAnswer.Invalid });
        Assert.Null(tracker.ConvertToShared(Chunk));
        Failure failure = Assert.IsType<Failure>(tracker.ConvertToPrivate(Chunk));
        Assert.Equal((Errno.EIO, "set_memory_encrypted", "MapGPA"), (failure.Errno, failure.Operation, failure.Step));
        Assert.Contains("0x8000000000000000", failure.Sentence, StringComparison.Ordinal);
        AssertState(tracker, Chunk.First, guestShared: true, PageCondition.Shared);
        Assert.Equal(
            ["CPA VMM failure to convert memory (addr=ffff888000310000, numpages=16) to private: -5"], _log);
        Assert.Equal(16, tracker.SharedPagesByKernel);
        Assert.Equal((1UL, 0UL), (tracker.Counters.FailedConversions, tracker.Counters.PagesToPrivate));
    }

    [Fact]
    [Statement("S-SETM-23", "S-TDX-06")]
    public void TdxToPrivate_AcceptFails_LeavesPteSharedAndHostPrivate()
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new TestVmm());
        Assert.Null(tracker.ConvertToShared(new FrameRange(0x310, 8)));
        Failure failure = Assert.IsType<Failure>(tracker.ConvertToPrivate(Chunk));
        Assert.Equal((Errno.EIO, "accept"), (failure.Errno, failure.Step));
        Assert.Contains("0x00000b0a", failure.Sentence, StringComparison.Ordinal);
        AssertState(tracker, 0x310, guestShared: true, PageCondition.Private);
        Assert.Equal(8UL, tracker.Counters.PagesAccepted);
    }

    [Fact]
    [Statement("S-SETM-23")]
    public void TdxToPrivate_AcceptFailsEarly_LeavesTheRestPending()
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new TestVmm());
        Assert.Null(tracker.ConvertToShared(new FrameRange(0x318, 8)));
        Assert.Equal(Errno.EIO, tracker.ConvertToPrivate(Chunk)?.Errno);
        AssertState(tracker, 0x318, guestShared: true, PageCondition.PrivateUnvalidated);
        Assert.Equal(new SeptEntry(SeptState.Pending, MappingSize.Size4K), tracker.Describe(0x318).Sept);
    }

    [Fact]
    [Statement("S-SETM-23", "S-SYS-25")]
    public void TdxToShared_MapGpaRefused_LeavesPteSharedAndHostPrivateAndReencryptFails()
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new TestVmm { Answer = n => n == 0 ? VmmAnswer.Invalid : VmmAnswer.Ok });
        Assert.Equal(Errno.EIO, tracker.ConvertToShared(Chunk)?.Errno);
        AssertState(tracker, Chunk.First, guestShared: true, PageCondition.Private);
        Assert.False(tracker.Describe(Chunk.First).Agrees);
        Assert.Equal(["CPA VMM failure to convert memory (addr=ffff888000310000, numpages=16) to shared: -5"], _log);
        Assert.Equal(Errno.EIO, tracker.ConvertToPrivate(Chunk)?.Errno);
        AssertState(tracker, Chunk.First, guestShared: true, PageCondition.Private);
    }

    [Fact]
    [Statement("S-SETM-23", "S-SETM-26", "S-TDX-15")]
    public void TdxToShared_ThirdPieceRefused_LeavesTheHostPartShared()
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new PolicyHypervisor(2, ulong.MaxValue, VmmAnswer.Invalid));
        Assert.Equal(Errno.EIO, tracker.ConvertToShared(new FrameRange(0x400, 2048))?.Errno);
        AssertState(tracker, 0x7ff, guestShared: true, PageCondition.Shared);
        AssertState(tracker, 0x800, guestShared: true, PageCondition.Private);
        Assert.Equal((3UL, 1UL), (tracker.Counters.HypervisorExits, tracker.Counters.MapGpaCalls));
        Assert.Equal(0, tracker.SharedPagesByKernel);
    }

    [Theory]
    [InlineData(2, null, 3)]
    [InlineData(3, Errno.EIO, 3)]
    [Statement("S-TDX-04", "S-SETM-26")]
    public void TdxToShared_RetriesWithoutProgress_FailAtTheThird(ulong retries, Errno? errno, ulong calls)
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new PolicyHypervisor(0, retries, VmmAnswer.Again));
        Assert.Equal(errno, tracker.ConvertToShared(Chunk)?.Errno);
        Assert.Equal(calls, tracker.Counters.MapGpaCalls);
    }

    [Fact]
    [Statement("S-TDX-04", "S-TDX-15")]
    public void TdxToShared_EventPendingAtEachPiece_RetriesWithProgressAndSucceeds()
    {
        TestVmm vmm = new() { Pending = _ => true };
        IPageStateTracker tracker = Create(Platform.Tdx, vmm);
        Assert.Null(tracker.ConvertToShared(new FrameRange(0x480, 2048)));
        Assert.Equal((4UL, 4UL), (tracker.Counters.MapGpaCalls, tracker.Counters.HypervisorExits));
        Assert.Equal([0x480UL, 0x680UL, 0x880UL, 0xa80UL], vmm.Exits.Select(exit => exit.Range.First));
    }

    [Fact]
    [Statement("S-TDX-04")]
    public void TdxToShared_TwoRetriesAtEachPiece_ProgressResetsTheCount()
    {
        IPageStateTracker tracker = Create(
            Platform.Tdx, new TestVmm { Answer = n => n % 3 == 2 ? VmmAnswer.Ok : VmmAnswer.Again, Pending = _ => true });
        Assert.Null(tracker.ConvertToShared(new FrameRange(0x400, 2048)));
        Assert.Equal(12UL, tracker.Counters.HypervisorExits);
    }

    [Fact]
    [Statement("S-TDX-15")]
    public void TdxToShared_ExitsNotEnabled_IsSubFunctionUnsupported()
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new TestVmm { MapGpaRangeExits = false });
        Failure failure = Assert.IsType<Failure>(tracker.ConvertToShared(Chunk));
        Assert.Equal(Errno.EIO, failure.Errno);
        Assert.Contains("0x8000000000000003", failure.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    [Statement("S-TDX-13", "S-TDX-14")]
    public void TdxToShared_DuringTheExit_ThePieceIsBlocked()
    {
        TestVmm vmm = new();
        IPageStateTracker tracker = Create(Platform.Tdx, vmm);
        SeptState? seen = null;
        vmm.OnExit = exit => seen = tracker.Describe(exit.Range.First).Sept?.State;
        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.Equal(SeptState.Blocked, seen);
        Assert.Equal(SeptState.Free, tracker.Describe(Chunk.First).Sept?.State);
    }

    [Theory]
    [InlineData(Platform.Sev, PageCondition.Private)]
    [InlineData(Platform.Tdx, PageCondition.Private)]
    [InlineData(Platform.SevSnp, PageCondition.Shared)]
    [Statement("S-SETM-23", "S-SETM-13", "S-SETM-10")]
    public void ToShared_FirstSplitFails_IsEnomemWithoutWarning(Platform platform, PageCondition host)
    {
        IPageStateTracker tracker = Create(platform, new TestVmm(), new TestFaults { OnSplit = (_, _) => true });
        Failure failure = Assert.IsType<Failure>(tracker.ConvertToShared(Chunk));
        Assert.Equal((Errno.ENOMEM, "direct map: split"), (failure.Errno, failure.Step));
        AssertState(tracker, Chunk.First, guestShared: false, host);
        Assert.Empty(_log);
        Assert.Equal(2UL, tracker.Counters.TlbFlushes);
        Assert.Equal(0UL, tracker.Counters.DirectMapSplits);
    }

    [Fact]
    [Statement("S-SETM-13")]
    public void ToShared_SecondSplitFails_LeavesTheEntriesBeforeChanged()
    {
        TestFaults faults = new() { OnSplit = (call, split) => call.Number == 1 && split == 2 };
        IPageStateTracker tracker = Create(Platform.Tdx, new TestVmm(), faults);
        Assert.Equal(Errno.ENOMEM, tracker.ConvertToShared(new FrameRange(0x3f0, 16 + 512 + 4))?.Errno);
        Assert.True(tracker.Describe(0x3f0).GuestShared);
        Assert.True(tracker.Describe(0x5ff).GuestShared);
        Assert.False(tracker.Describe(0x600).GuestShared);
        Assert.Equal(1UL, tracker.Counters.DirectMapSplits);
    }

    [Fact]
    [Statement("S-SETM-03", "S-SETM-23")]
    public void Convert_AfterKexecStopped_IsEbusyAndNothingChanges()
    {
        IPageStateTracker tracker = Create(Platform.SevSnp, new TestVmm());
        tracker.StopConversions();
        Assert.Equal(Errno.EBUSY, tracker.ConvertToShared(Chunk)?.Errno);
        AssertState(tracker, Chunk.First, guestShared: false, PageCondition.Private);
        Assert.Equal(default, tracker.Counters);
    }

    [Fact]
    [Statement("S-SETM-26", "S-REC-05")]
    public void Convert_OrderedPrepareFailureOfSecondCall_IsReturnedUnchangedAndChangesNothing()
    {
        TestFaults faults = new()
        {
            OnPrepare = call => call is { Direction: ConversionDirection.ToShared, Number: 2, Total: 3 } ? Errno.EACCES : Errno.None,
        };
        IPageStateTracker tracker = Create(Platform.Sev, new TestVmm(), faults);
        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.Null(tracker.ConvertToPrivate(Chunk));
        Assert.Equal(Errno.EACCES, tracker.ConvertToShared(Chunk)?.Errno);
        AssertState(tracker, Chunk.First, guestShared: false, PageCondition.Private);
        Assert.EndsWith("to shared: -13", Assert.Single(_log), StringComparison.Ordinal);
    }

    [Fact]
    [Statement("S-SETM-26", "S-SETM-11")]
    public void Convert_OrderedFinishFailure_LeavesThePteChanged()
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new TestVmm(), new TestFaults { OnFinish = _ => Errno.EIO });
        Assert.Equal("finish", tracker.ConvertToShared(Chunk)?.Step);
        AssertState(tracker, Chunk.First, guestShared: true, PageCondition.Private);
    }

    [Fact]
    [Statement("S-SETM-11", "S-UNV-56")]
    public void Convert_SecondVmmFailure_WarnsNoMore()
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new PolicyHypervisor(0, ulong.MaxValue, VmmAnswer.Invalid));
        Assert.NotNull(tracker.ConvertToShared(Chunk));
        Assert.NotNull(tracker.ConvertToPrivate(Chunk));
        Assert.Single(_log);
    }

    [Fact]
    [Statement("S-SYS-24")]
    public void ToPrivate_UntouchedChunkOnTdx_IsEio()
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new TestVmm());
        Failure failure = Assert.IsType<Failure>(tracker.ConvertToPrivate(Chunk));
        Assert.Equal((Errno.EIO, "accept"), (failure.Errno, failure.Step));
        AssertState(tracker, Chunk.First, guestShared: false, PageCondition.Private);
        Assert.Equal(1UL, tracker.Counters.AcceptCalls);
    }

    [Fact]
    [Statement("S-TDX-06", "S-TDX-08")]
    public void ToPrivate_PartOfAPending2MiBEntryOnTdx_IsASizeMismatchUntilTheWholeIsAsked()
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new TestVmm());
        FrameRange region = new(0x400, 512);
        Assert.Null(tracker.ConvertToShared(region));
        Assert.Equal(Errno.EIO, tracker.ConvertToPrivate(new FrameRange(0x200, 1024))?.Errno);
        Assert.Equal(new SeptEntry(SeptState.Pending, MappingSize.Size2M), tracker.Describe(0x400).Sept);

        Failure failure = Assert.IsType<Failure>(tracker.ConvertToPrivate(region with { Count = 16 }));
        Assert.Contains("0xc0000b0b", failure.Sentence, StringComparison.Ordinal);
        AssertState(tracker, 0x400, guestShared: true, PageCondition.PrivateUnvalidated);

        Assert.Null(tracker.ConvertToPrivate(region));
        AssertState(tracker, 0x400, guestShared: false, PageCondition.Private);
    }

    [Fact]
    [Statement("S-SYS-24")]
    public void ToPrivate_UntouchedChunkOnSev_IsHarmless()
    {
        IPageStateTracker tracker = Create(Platform.Sev, new TestVmm());
        Assert.Null(tracker.ConvertToPrivate(Chunk));
        AssertState(tracker, Chunk.First, guestShared: false, PageCondition.Private);
    }

    [Fact]
    [Statement("S-SETM-21")]
    public void ToShared_TwiceOnTdx_SucceedsAndCountsTwice()
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new TestVmm());
        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.Equal(32, tracker.SharedPagesByKernel);
    }

    [Fact]
    [Statement("S-TDX-06")]
    public void ToPrivate_Shared1GiBOnTdx_Tries1GOnceAndAccepts2M()
    {
        IPageStateTracker tracker = PageStateTrackers.Create(new PageStateOptions { Platform = Platform.Tdx, Frames = 0x80000 });
        FrameRange range = new(0x40000, 0x40000);
        Assert.Null(tracker.ConvertToShared(range));
        Assert.Null(tracker.ConvertToPrivate(range));
        Assert.Equal((1UL + 512, 0x40000UL), (tracker.Counters.AcceptCalls, tracker.Counters.PagesAccepted));
        Assert.Equal((2UL, 1024UL), (tracker.Counters.MapGpaCalls, tracker.Counters.HypervisorExits));
        Assert.Equal(0UL, tracker.Counters.SeptSplits);
    }

    private static void AssertState(IPageStateTracker tracker, ulong frame, bool guestShared, PageCondition condition)
    {
        PageStateInfo state = tracker.Describe(frame);
        Assert.Equal((guestShared, condition), (state.GuestShared, state.Condition));
    }

    private IPageStateTracker Create(Platform platform, IHypervisor vmm, IConversionFaults? faults = null) =>
        PageStateTrackers.Create(new PageStateOptions
        {
            Platform = platform,
            Frames = 0x1000,
            Hypervisor = vmm,
            Warn = _log.Add,
            Faults = faults ?? NoConversionFaults.Instance,
        });
}
