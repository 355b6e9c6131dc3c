using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Host;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Wire;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Platforms;

/// <summary>The instructions and calls by which guest and host change one entry, used by themselves.</summary>
public sealed class PageInstructionTests
{
    private const ulong Page = 4096;
    private const ulong Large = 2 << 20;

    // 64 MiB up, in the middle of nothing.
    private const ulong Start = 64UL << 20;

    [Fact]
    [Statement("S-SNP-10", "S-SNP-12")]
    public void Pvalidate_Twice_SaysNoChangeTheSecondTime()
    {
        using var test = new PlatformGuest(Platform.SevSnp);
        GuestHypercalls calls = test.Guest.Hypercalls;

        Assert.Equal((0u, true), calls.Pvalidate(Start, MappingSize.Size2M, validate: true).Value);
        Assert.Equal((0u, false), calls.Pvalidate(Start, MappingSize.Size2M, validate: false).Value);
        Assert.Equal((0u, true), calls.Pvalidate(Start, MappingSize.Size2M, validate: false).Value);
        Assert.Equal(PageCondition.PrivateUnvalidated, test.Guest.Pages.ConditionOf((Start + Large - Page) / Page));
        Assert.Equal(512UL, Assert.Single(test.Changes).Range.Count);
    }

    [Fact]
    [Statement("S-SNP-10", "S-SNP-28")]
    public void Pvalidate_OfOnePageInALargeEntry_BreaksItUpSoThatTheLargeOneIsASizeMismatch()
    {
        using var test = new PlatformGuest(Platform.SevSnp);
        GuestHypercalls calls = test.Guest.Hypercalls;

        Assert.Equal((0u, false), calls.Pvalidate(Start + Page, MappingSize.Size4K, validate: false).Value);

        Assert.Equal((6u, false), calls.Pvalidate(Start, MappingSize.Size2M, validate: false).Value);
        Assert.Equal((1u, false), calls.Pvalidate(Start + 8, MappingSize.Size4K, validate: false).Value);
        Assert.Equal((1u, false), calls.Pvalidate(Start, MappingSize.Size1G, validate: false).Value);
    }

    [Fact]
    [Statement("S-SNP-36", "S-SNP-13")]
    public void Pvalidate_OfASharedPage_DoesNotEnd()
    {
        using var test = new PlatformGuest(Platform.SevSnp);
        Assert.Equal(0u, test.Guest.Vmm.RmpUpdate(Start, MappingSize.Size2M, assign: false).Value);

        Failure? failure = test.Guest.Hypercalls.Pvalidate(Start, MappingSize.Size4K, validate: true).Failure;

        Assert.Equal((Errno.EFAULT, "address"), (failure!.Errno, failure.Field));
        Assert.Null(test.Guest.Core.Gate.Begin());
    }

    [Fact]
    [Statement("S-SNP-02", "S-SNP-03", "S-SNP-04")]
    public void RmpUpdate_OtherSize_OverlapsWhileAssigned()
    {
        using var test = new PlatformGuest(Platform.SevSnp);
        GuestVmm host = test.Guest.Vmm;

        Assert.Equal(4u, host.RmpUpdate(Start + Page, MappingSize.Size4K, assign: false).Value);
        Assert.Equal(0u, host.RmpUpdate(Start, MappingSize.Size2M, assign: false).Value);
        Assert.Equal(0u, host.RmpUpdate(Start + Page, MappingSize.Size4K, assign: true).Value);
        Assert.Equal(4u, host.RmpUpdate(Start, MappingSize.Size2M, assign: true).Value);
        Assert.Equal(RmpState.GuestInvalid, test.Guest.Pages.Describe((Start + Page) / Page).Rmp!.Value.State);
        Assert.Equal(0u, host.RmpUpdate(Start + Page, MappingSize.Size4K, assign: false).Value);

        Assert.Equal(0u, host.RmpUpdate(Start, MappingSize.Size2M, assign: true).Value);

        RmpEntry entry = test.Guest.Pages.Describe(Start / Page).Rmp!.Value;
        Assert.Equal((RmpState.GuestInvalid, MappingSize.Size2M), (entry.State, entry.Size));
    }

    [Fact]
    [Statement("S-SNP-05")]
    public void Psmash_OfALargeEntry_KeepsItsStateInSmallOnes()
    {
        using var test = new PlatformGuest(Platform.SevSnp);
        GuestVmm host = test.Guest.Vmm;
        Assert.Equal(1u, host.Psmash(Start + Page).Value);

        Assert.Equal(0u, host.Psmash(Start).Value);

        RmpEntry entry = test.Guest.Pages.Describe((Start + Large - Page) / Page).Rmp!.Value;
        Assert.Equal((RmpState.GuestValid, MappingSize.Size4K), (entry.State, entry.Size));
        Assert.Equal(1u, host.Psmash(Start).Value);
    }

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.Tdx)]
    [InlineData(Platform.None)]
    [Statement("S-SNP-05")]
    public void HostInstructions_NoSnpHost_AreEnodev(Platform platform)
    {
        using var test = new PlatformGuest(platform);

        Assert.Equal(Errno.ENODEV, test.Guest.Vmm.RmpUpdate(Start, MappingSize.Size4K, assign: false).Failure!.Errno);
        Assert.Equal(Errno.ENODEV, test.Guest.Vmm.Psmash(Start).Failure!.Errno);
    }

    [Fact]
    [Statement("S-TDX-06", "S-TDX-07", "S-TDX-08")]
    public void AcceptPage_States_HaveTheirCodes()
    {
        using var test = new PlatformGuest(Platform.Tdx);
        GuestHypercalls calls = test.Guest.Hypercalls;
        uint Accept(ulong address, MappingSize level) =>
            TdxAccept.CodeOf(calls.AcceptPage(TdxAccept.EncodeRcx(address / Page, level)).Value);

        Assert.Equal(TdxAccept.AlreadyAccepted, Accept(Start, MappingSize.Size2M));
        Assert.Equal(TdxAccept.SizeMismatch, Accept(Start, MappingSize.Size4K));
        Assert.Equal(TdxAccept.OperandInvalid, Accept(Start + Page, MappingSize.Size2M));
        Assert.Equal(TdxAccept.OperandInvalid, Accept(Start, (MappingSize)3));
        Assert.Null(test.Guest.Vmm.ChangePages(Start, Page, ConversionDirection.ToShared));
        Assert.Equal(TdxAccept.EntryFree, Accept(Start, MappingSize.Size4K));
        Assert.Null(test.Guest.Vmm.ChangePages(Start, Page, ConversionDirection.ToPrivate));

        Assert.Equal(TdxAccept.Success, Accept(Start, MappingSize.Size4K));

        Assert.Equal(PageCondition.Private, test.Guest.Pages.ConditionOf(Start / Page));
        Assert.Equal(TdxAccept.SizeMismatch, Accept(Start, MappingSize.Size2M));
    }

    [Fact]
    [Statement("S-TDX-07", "S-TDX-13")]
    public void AcceptPage_ThatTheHostTookAndGaveBack_IsZero()
    {
        using var test = new PlatformGuest(Platform.Tdx);
        (_, ulong map, ulong phys) = test.Filled("system", 4096);
        Assert.Null(test.Guest.Vmm.ChangePages(phys, Page, ConversionDirection.ToPrivate));
        Assert.Equal(PageCondition.PrivateUnvalidated, test.Guest.Pages.ConditionOf(phys / Page));

        Assert.Equal(0UL, test.Guest.Hypercalls.AcceptPage(phys).Value);

        Assert.Equal(new byte[4096], test.Load(map, 4096).Value);
    }

    [Fact]
    [Statement("S-CCA-01", "S-CCA-03", "S-CCA-04")]
    public void SetIpaState_DestroyedGranule_StopsUnlessItMayChange()
    {
        using var test = new PlatformGuest(Platform.CcaRealm);
        GuestHypercalls calls = test.Guest.Hypercalls;
        Assert.Null(test.Guest.Vmm.ChangePages(Start + (2 * Page), Page, ConversionDirection.ToShared));

        Assert.Equal((Start + (2 * Page), false), calls.SetIpaState(Start, Start + (4 * Page), RipasState.Ram, destroyedToo: false).Value);
        Assert.Equal((Start + (4 * Page), false), calls.SetIpaState(Start, Start + (4 * Page), RipasState.Ram, destroyedToo: true).Value);
        Assert.Equal(RipasState.Ram, test.Guest.Pages.Describe((Start / Page) + 2).Ripas);
        Assert.Equal((Start + Page, false), calls.SetIpaState(Start, Start + Page, RipasState.Empty, destroyedToo: false).Value);
        Assert.Equal(RipasState.Empty, test.Guest.Pages.Describe(Start / Page).Ripas);
        Assert.Null(test.Guest.Vmm.SetPolicy(new HypervisorPolicy { Conduct = HypervisorConduct.Refuse }));
        Assert.Equal((Start, true), calls.SetIpaState(Start, Start + Page, RipasState.Ram, destroyedToo: true).Value);
        Assert.Equal("state", calls.SetIpaState(Start, Start + Page, RipasState.Destroyed, destroyedToo: true).Failure!.Field);
    }

    [Theory]
    [InlineData(Platform.Pkvm)]
    [InlineData(Platform.S390)]
    [InlineData(Platform.PowerSvm)]
    [Statement("S-CCA-07", "S-S390-01", "S-PPC-01")]
    public void SharePages_PageByPage_StopsAtARefusal(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        GuestHypercalls calls = test.Guest.Hypercalls;

        Assert.Equal(4UL, calls.SharePages(Start, 4, ConversionDirection.ToShared).Value);
        Assert.True(test.Guest.Pages.IsShared((Start / Page) + 3));
        Assert.Null(test.Guest.Vmm.SetPolicy(new HypervisorPolicy { Conduct = HypervisorConduct.HalfDo, Pages = 3 }));
        Assert.Equal(3UL, calls.SharePages(Start, 4, ConversionDirection.ToPrivate).Value);
        Assert.Equal([false, true], new[] { 2UL, 3UL }.Select(i => test.Guest.Pages.IsShared((Start / Page) + i)));
        Assert.Equal("pages", calls.SharePages(Start, ulong.MaxValue, ConversionDirection.ToShared).Failure!.Field);
    }

    [Fact]
    public void AnyInstruction_OnAnotherPlatform_IsEopnotsupp()
    {
        using var test = new PlatformGuest(Platform.Sev);
        GuestHypercalls calls = test.Guest.Hypercalls;

        Assert.Equal(Errno.EOPNOTSUPP, calls.Pvalidate(Start, MappingSize.Size4K, validate: true).Failure!.Errno);
        Assert.Equal(Errno.EOPNOTSUPP, calls.AcceptPage(Start).Failure!.Errno);
        Assert.Equal(Errno.EOPNOTSUPP, calls.SetIpaState(Start, Start + Page, RipasState.Ram, destroyedToo: true).Failure!.Errno);
        Assert.Equal(Errno.EOPNOTSUPP, calls.SharePages(Start, 1, ConversionDirection.ToShared).Failure!.Errno);
    }
}
