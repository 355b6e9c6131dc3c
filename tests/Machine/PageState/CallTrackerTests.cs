using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Trackers;
using CocoGuest.Machine.PageState.Wire;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.PageState;

/// <summary>Conversions outside x86: calls to a trusted layer, page by page or as a range.</summary>
public sealed class CallTrackerTests
{
    private static readonly FrameRange Chunk = new(0x100, 16);
    private readonly List<string> _log = [];

    [Theory]
    [InlineData(Platform.CcaRealm, 1UL)]
    [InlineData(Platform.Pkvm, 16UL)]
    [InlineData(Platform.S390, 16UL)]
    [InlineData(Platform.PowerSvm, 1UL)]
    [Statement("S-CCA-03", "S-CCA-07", "S-S390-01", "S-PPC-01", "S-SETM-41", "S-SETM-42", "S-SETM-43")]
    public void Convert_ThereAndBack_MakesTheCallsOfThePlatform(Platform platform, ulong calls)
    {
        IPageStateTracker tracker = Create(platform, new TestVmm());

        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.True(tracker.IsShared(Chunk.First) && tracker.IsShared(Chunk.End - 1) && !tracker.IsShared(Chunk.End));
        Assert.True(tracker.Describe(Chunk.First).GuestShared && tracker.Describe(Chunk.First).Agrees);
        Assert.Equal(calls, tracker.Counters.PlatformCalls);
        Assert.Null(tracker.ConvertToPrivate(Chunk));
        Assert.Equal((2 * calls, PageCondition.Private), (tracker.Counters.PlatformCalls, tracker.ConditionOf(Chunk.First)));
        Assert.Equal((16UL, 16UL, 0UL), (tracker.Counters.PagesToShared, tracker.Counters.PagesToPrivate, tracker.Counters.TlbFlushes));
    }

    [Theory]
    [InlineData(Platform.CcaRealm)]
    [InlineData(Platform.Pkvm)]
    [InlineData(Platform.S390)]
    [InlineData(Platform.PowerSvm)]
    [InlineData(Platform.SevEs)]
    [InlineData(Platform.SmeHost)]
    [Statement("S-SYS-24")]
    public void ConvertToPrivate_UntouchedChunk_IsHarmless(Platform platform)
    {
        IPageStateTracker tracker = Create(platform, new TestVmm());

        Assert.Null(tracker.ConvertToPrivate(Chunk));

        Assert.Equal(PageCondition.Private, tracker.ConditionOf(Chunk.First));
        Assert.Null(tracker.Termination);
    }

    [Fact]
    [Statement("S-CCA-03", "S-CCA-04", "S-SETM-43")]
    public void ConvertToShared_RealmRejectedHalfWay_LeavesEntriesInvalidAndGranulesChanged()
    {
        IPageStateTracker tracker = Create(Platform.CcaRealm, HalfDo(5));

        Failure failure = tracker.ConvertToShared(Chunk)!;

        Assert.Equal(Errno.EINVAL, failure.Errno);
        Assert.Equal(["Failed to decrypt memory, 16 pages will be leaked"], _log);
        Assert.Equal(
            (RipasState.Empty, RipasState.Ram),
            (tracker.Describe(Chunk.First + 4).Ripas!.Value, tracker.Describe(Chunk.First + 5).Ripas!.Value));
        Assert.True(tracker.Describe(Chunk.First).DirectMapInvalid && tracker.Describe(Chunk.End - 1).DirectMapInvalid);
        Assert.False(tracker.Describe(Chunk.First + 5).Agrees);
    }

    [Fact]
    [Statement("S-SETM-43", "S-SETM-44")]
    public void ConvertToPrivate_AfterARealmFailure_RepairsTheEntries()
    {
        var vmm = new PolicyHypervisor(new HypervisorPolicy { Conduct = HypervisorConduct.HalfDo, Pages = 5, Times = 1 });
        IPageStateTracker tracker = Create(Platform.CcaRealm, vmm);
        tracker.ConvertToShared(Chunk);

        Assert.Null(tracker.ConvertToPrivate(Chunk));

        PageStateInfo state = tracker.Describe(Chunk.First);
        Assert.Equal((RipasState.Ram, false, false), (state.Ripas!.Value, state.DirectMapInvalid, state.GuestShared));
        Assert.Single(tracker.Runs(Chunk));
    }

    [Fact]
    [Statement("S-SETM-43")]
    public void ConvertToPrivate_RealmRejected_WarnsEachTime()
    {
        IPageStateTracker tracker = Create(Platform.CcaRealm, new PolicyHypervisor(0, ulong.MaxValue, VmmAnswer.Invalid));

        tracker.ConvertToPrivate(Chunk);
        tracker.ConvertToPrivate(Chunk);

        Assert.Equal(2, _log.Count);
        Assert.All(_log, line => Assert.Equal("Failed to encrypt memory, 16 pages will be leaked", line));
    }

    [Fact]
    [Statement("S-CCA-03")]
    public void ConvertToShared_RealmThatStopsAtATop_GoesOnFromThere()
    {
        IPageStateTracker tracker = Create(
            Platform.CcaRealm, new PolicyHypervisor(new HypervisorPolicy { Conduct = HypervisorConduct.HalfDoAndRetry, Pages = 5 }));

        Assert.Null(tracker.ConvertToShared(Chunk));

        Assert.Equal((4UL, true), (tracker.Counters.PlatformCalls, tracker.IsShared(Chunk.End - 1)));
    }

    [Fact]
    [Statement("S-CCA-03")]
    public void ConvertToShared_RealmWithoutProgress_IsStuck()
    {
        IPageStateTracker tracker = Create(Platform.CcaRealm, new PolicyHypervisor(0, ulong.MaxValue, VmmAnswer.Again));

        Assert.Equal(Errno.EOWNERDEAD, tracker.ConvertToShared(Chunk)!.Errno);
        Assert.Equal(TerminationKind.Stuck, tracker.Termination!.Kind);
    }

    [Fact]
    [Statement("S-CCA-04", "S-CCA-01", "S-PLAT-13")]
    public void ConvertToPrivate_DestroyedGranules_BecomeRamAgain()
    {
        IPageStateTracker tracker = Create(Platform.CcaRealm, new TestVmm());
        Assert.Null(tracker.ChangeByHost(Chunk, ConversionDirection.ToShared));
        Assert.Equal(
            (RipasState.Destroyed, PageCondition.PrivateUnvalidated),
            (tracker.Describe(Chunk.First).Ripas!.Value, tracker.ConditionOf(Chunk.First)));

        Assert.Null(tracker.ConvertToShared(Chunk));
        Assert.Null(tracker.ConvertToPrivate(Chunk));

        Assert.Equal(RipasState.Ram, tracker.Describe(Chunk.First).Ripas);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(7UL)]
    [Statement("S-CCA-07")]
    public void ConvertToShared_PkvmRefused_IsEpermAndEarlierPagesStay(ulong done)
    {
        IPageStateTracker tracker = Create(Platform.Pkvm, HalfDo(done));

        Assert.Equal(Errno.EPERM, tracker.ConvertToShared(Chunk)!.Errno);

        Assert.Equal(done, (ulong)Enumerable.Range(0x100, 16).Count(f => tracker.IsShared((ulong)f)));
        Assert.Equal(done + 1, tracker.Counters.PlatformCalls);
        Assert.All(tracker.Runs(Chunk), run => Assert.True(run.State.Agrees));
    }

    [Theory]
    [InlineData(ConversionDirection.ToShared)]
    [InlineData(ConversionDirection.ToPrivate)]
    [Statement("S-S390-02")]
    public void Convert_S390Refused_PanicsTheGuest(ConversionDirection direction)
    {
        IPageStateTracker tracker = Create(Platform.S390, new PolicyHypervisor(0, ulong.MaxValue, VmmAnswer.Invalid));

        Failure failure = Convert(tracker, direction)!;

        Assert.Equal((Errno.EOWNERDEAD, TerminationKind.Panic), (failure.Errno, tracker.Termination!.Kind));
        Assert.StartsWith("panicked: ", tracker.Termination.Words, StringComparison.Ordinal);
        Assert.Equal(Errno.EOWNERDEAD, Convert(tracker, direction)!.Errno);
    }

    [Fact]
    [Statement("S-PPC-01")]
    public void ConvertToShared_PowerRefused_IsZeroAndTheGuestBelievesIt()
    {
        IPageStateTracker tracker = Create(Platform.PowerSvm, new PolicyHypervisor(0, ulong.MaxValue, VmmAnswer.Invalid));

        Assert.Null(tracker.ConvertToShared(Chunk));

        Assert.False(tracker.IsShared(Chunk.First));
        Assert.True(tracker.Describe(Chunk.First).GuestShared && !tracker.Describe(Chunk.First).Agrees);
    }

    [Theory]
    [InlineData(Platform.CcaRealm)]
    [InlineData(Platform.Pkvm)]
    [InlineData(Platform.S390)]
    [InlineData(Platform.PowerSvm)]
    [Statement("S-SETM-26")]
    public void Convert_OrderedToFail_ReturnsTheErrnoBeforeAnyCall(Platform platform)
    {
        var vmm = new TestVmm();
        IPageStateTracker tracker = PageStateTrackers.Create(new PageStateOptions
        {
            Platform = platform,
            Frames = 0x1000,
            Hypervisor = vmm,
            Faults = new TestFaults { OnPrepare = _ => Errno.EIO },
        });

        Assert.Equal(Errno.EIO, tracker.ConvertToShared(Chunk)!.Errno);
        Assert.Empty(vmm.Exits);
        Assert.Equal(1UL, tracker.Counters.FailedConversions);
    }

    [Theory]
    [InlineData(Platform.CcaRealm)]
    [InlineData(Platform.Pkvm)]
    [InlineData(Platform.S390)]
    [InlineData(Platform.PowerSvm)]
    [Statement("S-SETM-03")]
    public void Convert_WhileAKexecRuns_IsX86sBusinessOnly(Platform platform)
    {
        IPageStateTracker tracker = Create(platform, new TestVmm());
        tracker.StopConversions();

        Assert.Null(tracker.ConvertToShared(Chunk));
    }

    [Fact]
    [Statement("S-SETM-20", "S-SETM-12")]
    public void Convert_SmeHost_FlushesAndTellsNobody()
    {
        var vmm = new TestVmm();
        IPageStateTracker tracker = Create(Platform.SmeHost, vmm);

        Assert.Null(tracker.ConvertToShared(Chunk));

        Assert.Empty(vmm.Exits);
        Assert.Equal(
            (2UL, true, (SevHostKnowledge?)null),
            (tracker.Counters.TlbFlushes, tracker.IsShared(Chunk.First), tracker.Describe(Chunk.First).Sev));
    }

    [Theory]
    [InlineData(Platform.SevEs)]
    [InlineData(Platform.SevSnpVtom)]
    [Statement("S-SETM-20")]
    public void Convert_RelativesOfSevAndSnp_GoTheSameWay(Platform platform)
    {
        Platform model = platform == Platform.SevEs ? Platform.Sev : Platform.SevSnp;
        IPageStateTracker one = Create(platform, new TestVmm());
        IPageStateTracker other = Create(model, new TestVmm());

        Assert.Null(one.ConvertToShared(Chunk));
        Assert.Null(other.ConvertToShared(Chunk));

        Assert.Equal(other.Counters, one.Counters);
        Assert.Equal(other.Runs(new FrameRange(0, 0x1000)), one.Runs(new FrameRange(0, 0x1000)));
    }

    [Fact]
    [Statement("S-CCA-06")]
    public void RsiCalls_Numbers_AreThoseOfTheInterface() =>
        Assert.Equal(
            [0xC4000190, 0xC4000192, 0xC4000193, 0xC4000194, 0xC4000195, 0xC4000196, 0xC4000197, 0xC4000198, 0xC4000199],
            new[]
            {
                RsiCalls.Version, RsiCalls.MeasurementRead, RsiCalls.MeasurementExtend, RsiCalls.AttestationInit,
                RsiCalls.AttestationContinue, RsiCalls.RealmConfig, RsiCalls.IpaStateSet, RsiCalls.IpaStateGet, RsiCalls.HostCall,
            });

    [Fact]
    [Statement("S-CCA-01")]
    public void RipasState_Numbers_AreThoseOfTheInterface() =>
        Assert.Equal([0, 1, 2, 3], new[] { RipasState.Empty, RipasState.Ram, RipasState.Destroyed, RipasState.Device }.Select(s => (int)s));

    private static PolicyHypervisor HalfDo(ulong pages) => new(new HypervisorPolicy { Conduct = HypervisorConduct.HalfDo, Pages = pages });

    private static Failure? Convert(IPageStateTracker tracker, ConversionDirection direction) =>
        direction == ConversionDirection.ToShared ? tracker.ConvertToShared(Chunk) : tracker.ConvertToPrivate(Chunk);

    private IPageStateTracker Create(Platform platform, IHypervisor vmm) =>
        PageStateTrackers.Create(new PageStateOptions { Platform = platform, Frames = 0x1000, Hypervisor = vmm, Warn = _log.Add });
}
