using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Trackers;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.PageState;

/// <summary>
/// VMMs that do something else than they say, and hosts that change pages unasked: what the guest's next step makes of it.
/// </summary>
public sealed class DishonestVmmTests
{
    private static readonly FrameRange Chunk = new(0x200, 256);

    [Fact]
    [Statement("S-SETM-26", "S-SNP-20", "S-PLAT-01")]
    public void ConvertToShared_SnpVmmLies_LooksDoneAndIsNot()
    {
        IPageStateTracker tracker = Create(Platform.SevSnp, Lie(10));

        Assert.Null(tracker.ConvertToShared(Chunk));

        Assert.Equal((true, false), (tracker.IsShared(0x209), tracker.IsShared(0x20a)));
        Assert.Equal(RmpState.GuestInvalid, tracker.Describe(0x20a).Rmp!.Value.State);
        Assert.False(tracker.Describe(0x20a).Agrees);
    }

    [Fact]
    [Statement("S-SNP-11", "S-SNP-36")]
    public void ConvertToPrivate_SnpVmmLies_EndsTheGuestAtPvalidate()
    {
        var vmm = new PolicyHypervisor(HypervisorPolicy.Obedient);
        IPageStateTracker tracker = Create(Platform.SevSnp, vmm);
        tracker.ConvertToShared(Chunk);
        vmm.Policy = Lie(0).Policy;

        Assert.Equal(Errno.EOWNERDEAD, tracker.ConvertToPrivate(Chunk)!.Errno);
        Assert.Equal((1, 2), (tracker.Termination!.ReasonSet, tracker.Termination.Code));
    }

    [Fact]
    [Statement("S-SNP-23", "S-SNP-24", "S-SNP-38")]
    public void ConvertToShared_SnpVmmStopsHalfWay_LeavesThePagesDoneShared()
    {
        IPageStateTracker tracker = Create(
            Platform.SevSnp, new PolicyHypervisor(new HypervisorPolicy { Conduct = HypervisorConduct.HalfDo, Pages = 3, After = 1 }));

        Assert.Equal(Errno.EOWNERDEAD, tracker.ConvertToShared(Chunk)!.Errno);

        Assert.Equal(67UL, (ulong)Enumerable.Range(0x200, 256).Count(f => tracker.IsShared((ulong)f)));
        Assert.Equal((1, 1), (tracker.Termination!.ReasonSet, tracker.Termination.Code));
    }

    [Fact]
    [Statement("S-TDX-06", "S-TDX-08", "S-SETM-23")]
    public void ConvertToPrivate_TdxVmmLies_AcceptFindsAFreeEntry()
    {
        var vmm = new PolicyHypervisor(HypervisorPolicy.Obedient);
        IPageStateTracker tracker = Create(Platform.Tdx, vmm);
        tracker.ConvertToShared(Chunk);
        vmm.Policy = Lie(4).Policy;

        Failure failure = tracker.ConvertToPrivate(Chunk)!;

        Assert.Equal((Errno.EIO, "accept"), (failure.Errno, failure.Step));
        Assert.Contains("0xc0000b01", failure.Sentence, StringComparison.Ordinal);
        Assert.Equal((PageCondition.Private, PageCondition.Shared), (tracker.ConditionOf(0x203), tracker.ConditionOf(0x204)));
    }

    [Fact]
    [Statement("S-TDX-04", "S-TDX-15", "S-SETM-23")]
    public void ConvertToShared_TdxVmmStopsHalfWay_IsEioWithPartShared()
    {
        IPageStateTracker tracker = Create(
            Platform.Tdx, new PolicyHypervisor(new HypervisorPolicy { Conduct = HypervisorConduct.HalfDo, Pages = 100 }));

        Assert.Equal(Errno.EIO, tracker.ConvertToShared(Chunk)!.Errno);

        Assert.Equal(100UL, (ulong)Enumerable.Range(0x200, 256).Count(f => tracker.IsShared((ulong)f)));
        Assert.True(tracker.Describe(0x2ff).GuestShared);
    }

    [Fact]
    [Statement("S-SEV-03", "S-SEV-06")]
    public void ConvertToShared_SevVmmRefusesOrLies_WorksTheSame()
    {
        foreach (HypervisorConduct conduct in new[] { HypervisorConduct.Refuse, HypervisorConduct.Retry, HypervisorConduct.Lie })
        {
            IPageStateTracker tracker = Create(Platform.Sev, new PolicyHypervisor(new HypervisorPolicy { Conduct = conduct }));

            Assert.Null(tracker.ConvertToShared(Chunk));

            Assert.Equal((true, SevHostKnowledge.Unknown), (tracker.IsShared(0x200), tracker.Describe(0x200).Sev!.Value));
        }
    }

    [Fact]
    [Statement("S-SETM-26")]
    public void ConvertToShared_SlowVmm_CountsItsTimePerExit()
    {
        IPageStateTracker tracker = Create(Platform.SevSnp, new PolicyHypervisor(new HypervisorPolicy { NanosecondsPerExit = 250 }));

        Assert.Null(tracker.ConvertToShared(Chunk));

        Assert.Equal(1000UL, tracker.Counters.HypervisorNanoseconds);
    }

    [Fact]
    [Statement("S-SNP-04")]
    public void ChangeByHost_SnpRepeatedAssignment_LosesValidation()
    {
        IPageStateTracker tracker = Create(Platform.SevSnp, new TestVmm());

        Assert.Null(tracker.ChangeByHost(new FrameRange(0x210, 1), ConversionDirection.ToPrivate));

        Assert.Equal(RmpState.GuestInvalid, tracker.Describe(0x210).Rmp!.Value.State);
        Assert.Equal(RmpState.GuestValid, tracker.Describe(0x211).Rmp!.Value.State);
        Assert.Equal(MappingSize.Size4K, tracker.Describe(0x211).Rmp!.Value.Size);
        Assert.Equal(1UL, tracker.Counters.RmpSplits);
    }

    [Fact]
    [Statement("S-SNP-03", "S-SNP-08")]
    public void ChangeByHost_SnpImmutableEntry_IsEfault()
    {
        IPageStateTracker tracker = PageStateTrackers.Create(
            new PageStateOptions { Platform = Platform.SevSnp, Frames = 0x1000, LaunchPages = new FrameRange(0x300, 2) });

        Assert.Equal(Errno.EFAULT, tracker.ChangeByHost(new FrameRange(0x2ff, 3), ConversionDirection.ToShared)!.Errno);
        Assert.False(tracker.IsShared(0x2ff));
    }

    [Theory]
    [InlineData(ConversionDirection.ToShared, SeptState.Free)]
    [InlineData(ConversionDirection.ToPrivate, SeptState.Pending)]
    [Statement("S-TDX-13", "S-TDX-14")]
    public void ChangeByHost_Tdx_RemovesOrReAddsPages(ConversionDirection direction, SeptState expected)
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new TestVmm());

        Assert.Null(tracker.ChangeByHost(new FrameRange(0x210, 1), direction));

        Assert.Equal((expected, SeptState.Mapped), (tracker.Describe(0x210).Sept!.Value.State, tracker.Describe(0x211).Sept!.Value.State));
        Assert.False(tracker.Describe(0x210).GuestShared);
        Assert.Equal(1UL, tracker.Counters.SeptSplits);
    }

    [Theory]
    [InlineData(Platform.None)]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.S390)]
    [InlineData(Platform.Pkvm)]
    [InlineData(Platform.Lab)]
    [Statement("S-SEV-01")]
    public void ChangeByHost_WithoutHostTables_IsRefused(Platform platform) =>
        Assert.Equal(Errno.EOPNOTSUPP, Create(platform, new TestVmm()).ChangeByHost(Chunk, ConversionDirection.ToShared)!.Errno);

    [Theory]
    [InlineData(HypervisorConduct.Obey, 1UL, "pages")]
    [InlineData((HypervisorConduct)9, 0UL, "conduct")]
    public void PolicyCheck_WhatMakesNoSense_NamesTheField(HypervisorConduct conduct, ulong pages, string field)
    {
        Failure failure = new HypervisorPolicy { Conduct = conduct, Pages = pages }.Check()!;

        Assert.Equal((Errno.EINVAL, field), (failure.Errno, failure.Field));
    }

    [Fact]
    public void Policy_OnlyOneDirectionAfterSomeExits_PicksJustThose()
    {
        var vmm = new PolicyHypervisor(
            new HypervisorPolicy { Conduct = HypervisorConduct.Refuse, Only = ConversionDirection.ToPrivate, After = 1, Times = 1 });
        VmmAnswer Ask(ConversionDirection direction) => vmm.Convert(new VmmExit(Chunk, direction, MappingSize.Size4K, 1)).Answer;

        Assert.Equal(
            [VmmAnswer.Ok, VmmAnswer.Ok, VmmAnswer.Invalid, VmmAnswer.Ok],
            new[]
            {
                Ask(ConversionDirection.ToShared), Ask(ConversionDirection.ToPrivate), Ask(ConversionDirection.ToPrivate),
                Ask(ConversionDirection.ToPrivate),
            });
    }

    private static PolicyHypervisor Lie(ulong pages) => new(new HypervisorPolicy { Conduct = HypervisorConduct.Lie, Pages = pages });

    private static IPageStateTracker Create(Platform platform, IHypervisor vmm) =>
        PageStateTrackers.Create(new PageStateOptions { Platform = platform, Frames = 0x1000, Hypervisor = vmm });
}
