using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Platforms;

/// <summary>What a hostile host can do to a guest's memory, and what the guest notices of it.</summary>
public sealed class HostActsTests
{
    private const int Size = 4096;
    private static readonly byte[] Old = PlatformGuest.Pattern(Size);

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevEs)]
    [InlineData(Platform.SmeHost)]
    [Statement("S-PLAT-10", "S-ENC-02")]
    public void Write_PrivatePageOfSev_GarblesTheBlocksTouchedOnly(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        (_, ulong map, ulong phys) = test.Filled(TestGuest.Private);

        Assert.Null(test.Guest.HostView.Write(phys + 40, [1, 2, 3]));

        byte[] seen = test.Load(map, Size).Value;
        Assert.Equal(Old[..32], seen[..32]);
        Assert.NotEqual(Old[32..48], seen[32..48]);
        Assert.Equal(Old[48..], seen[48..]);
        Assert.Equal([1, 2, 3], test.HostRead(phys + 40, 3).Value);
    }

    [Fact]
    [Statement("S-ENC-02")]
    public void Write_OldCiphertextAtItsPlace_ReplaysTheOldText()
    {
        using var test = new PlatformGuest(Platform.Sev);
        (_, ulong map, ulong phys) = test.Filled(TestGuest.Private);
        byte[] cipher = test.HostRead(phys, Size).Value;
        Assert.Null(test.Guest.Mappings.Store(test.Init, map, new byte[Size]));

        Assert.Null(test.Guest.HostView.Write(phys, cipher));

        Assert.Equal(Old, test.Load(map, Size).Value);
    }

    [Theory]
    [InlineData(Platform.SevSnp, ViewFault.HostRmp)]
    [InlineData(Platform.SevSnpVtom, ViewFault.HostRmp)]
    [InlineData(Platform.CcaRealm, ViewFault.GranuleProtection)]
    [InlineData(Platform.Pkvm, ViewFault.HostStageTwo)]
    [Statement("S-PLAT-11", "S-PLAT-13", "S-SNP-06", "S-ENC-03")]
    public void Write_PrivatePage_FaultsInTheHostAndMovesNothing(Platform platform, ViewFault fault)
    {
        using var test = new PlatformGuest(platform);
        (_, ulong map, ulong phys) = test.Filled(TestGuest.Private);

        Assert.Equal(Errno.EFAULT, test.Guest.HostView.Write(phys + 8, [1, 2, 3]).Errno());

        PageFault seen = Assert.Single(test.Faults);
        Assert.Equal((fault, FaultReceiver.Hypervisor, phys + 8), (seen.Fault, seen.Receiver, seen.Address));
        Assert.Equal(Old, test.Load(map, Size).Value);
    }

    [Fact]
    [Statement("S-PLAT-12", "S-ENC-05")]
    public void Write_PrivatePageOfTdx_IsSilentUntilTheLineIsRead()
    {
        using var test = new PlatformGuest(Platform.Tdx);
        (_, ulong map, ulong phys) = test.Filled(TestGuest.Private);

        Assert.Null(test.Guest.HostView.Write(phys + 130, [1]));
        Assert.Empty(test.Faults);
        Assert.Equal(Old[..128], test.Load(map, 128).Value);
        Assert.Equal(Errno.EFAULT, test.HostRead(phys + 190, 1).Failure!.Errno);
        Assert.Equal("running", test.Guest.Snapshot().State);
        Assert.Equal(Errno.EFAULT, test.Load(map + 190, 1).Failure!.Errno);

        Assert.Equal([ViewFault.MachineCheck, ViewFault.MachineCheck], test.Faults.Select(f => f.Fault));
        Assert.Equal([false, true], test.Faults.Select(f => f.EndsGuest));
        Assert.StartsWith("stopped", test.Guest.Snapshot().State, StringComparison.Ordinal);
    }

    [Fact]
    [Statement("S-PLAT-12")]
    public void Write_PoisonedLine_IsGoodAgainAfterAWholeWriteOrAConversion()
    {
        using var test = new PlatformGuest(Platform.Tdx);
        (int fd, ulong map, ulong phys) = test.Filled(TestGuest.Private);
        Assert.Null(test.Guest.HostView.Write(phys + 64, new byte[64 * 3]));
        Assert.Equal(3, test.Guest.Memory.Poison.Count);

        Assert.Null(test.Guest.Mappings.Store(test.Init, map + 64, new byte[64]));
        Assert.Equal(new byte[64], test.Load(map + 64, 64).Value);
        Assert.Equal(2, test.Guest.Memory.Poison.Count);
        test.Convert(fd, ConversionDirection.ToShared);

        Assert.Equal(0, test.Guest.Memory.Poison.Count);
    }

    /// <summary>Was a fault: the lines counted as written although nothing had been.</summary>
    [Fact]
    [Statement("S-PLAT-12")]
    public void Store_ThatMeetsAPoisonedLineHalfWay_LeavesTheLinesBeforeItPoisoned()
    {
        using var test = new PlatformGuest(Platform.Tdx);
        (_, ulong map, ulong phys) = test.Filled(TestGuest.Private, 2 * Size);
        Assert.Null(test.Guest.HostView.Write(phys, new byte[64]));
        Assert.Null(test.Guest.HostView.Write(phys + Size + 64, [1]));

        Assert.Equal(Errno.EFAULT, test.Guest.Mappings.Store(test.Init, map, new byte[Size + 65])!.Errno);

        Assert.Equal(2, test.Guest.Memory.Poison.Count);
        Assert.Equal(Errno.EFAULT, test.HostRead(phys, 1).Failure!.Errno);
    }

    [Theory]
    [InlineData(Platform.S390)]
    [InlineData(Platform.PowerSvm)]
    [Statement("S-PLAT-14")]
    public void Store_OfAWholeSecurePageThatTheHostWrote_FailsTheIntegrityCheck(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        (_, ulong map, ulong phys) = test.Filled(TestGuest.Private);
        Assert.Null(test.Guest.HostView.Write(phys + 8, [1]));

        Assert.Equal(Errno.EFAULT, test.Guest.Mappings.Store(test.Init, map, new byte[Size])!.Errno);

        Assert.Equal(ViewFault.IntegrityCheck, Assert.Single(test.Faults).Fault);
    }

    [Theory]
    [InlineData(Platform.S390)]
    [InlineData(Platform.PowerSvm)]
    [Statement("S-PLAT-14")]
    public void Write_SecurePage_FailsTheGuestsIntegrityCheck(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        (_, ulong map, ulong phys) = test.Filled(TestGuest.Private);
        Assert.Equal(test.Encrypted(Old, phys), test.HostRead(phys, Size).Value);

        Assert.Null(test.Guest.HostView.Write(phys + 100, [9]));
        Assert.True(test.HostRead(phys, Size).Ok);
        Assert.Equal(Errno.EFAULT, test.Load(map + 4000, 1).Failure!.Errno);

        Assert.Equal((ViewFault.IntegrityCheck, true), (Assert.Single(test.Faults).Fault, test.Faults[0].EndsGuest));
    }

    [Theory]
    [InlineData(Platform.None)]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    [InlineData(Platform.CcaRealm)]
    [InlineData(Platform.S390)]
    [Statement("S-PLAT-10", "S-PLAT-11", "S-PLAT-12", "S-PLAT-13", "S-PLAT-14")]
    public void Write_SharedPage_IsSeenByTheGuest(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        (_, ulong map, ulong phys) = test.Filled(platform == Platform.None ? TestGuest.Private : TestGuest.Shared, 8192);

        Assert.Null(test.Guest.HostView.Write(phys + 4090, "across two pages"u8));

        // Two chunks of 4 KiB need not be neighbours in physical memory; the first page has its part in any case.
        Assert.Equal("across"u8.ToArray(), test.Load(map + 4090, 6).Value);
    }

    [Fact]
    public void Write_OutsideRam_IsEfaultNamingTheAddress()
    {
        using var test = new PlatformGuest(Platform.SevSnp);

        Failure failure = test.Guest.HostView.Write(1UL << 40, [1])!;

        Assert.Equal((Errno.EFAULT, "address"), (failure.Errno, failure.Field));
        Assert.Equal(Errno.EINVAL, test.Guest.HostView.Write(0, new byte[GuestLimits.BytesPerAccess + 1]).Errno());
    }

    [Theory]
    [InlineData(Platform.SevSnp, ConversionDirection.ToShared, ViewFault.NpfPrivateMismatch, "panicked")]
    [InlineData(Platform.SevSnp, ConversionDirection.ToPrivate, ViewFault.VcNotValidated, "panicked")]
    [InlineData(Platform.Tdx, ConversionDirection.ToShared, ViewFault.EptViolation, "stopped")]
    [InlineData(Platform.Tdx, ConversionDirection.ToPrivate, ViewFault.PendingPage, "stopped")]
    [InlineData(Platform.CcaRealm, ConversionDirection.ToShared, ViewFault.DestroyedGranule, "stopped")]
    [Statement("S-PLAT-11", "S-PLAT-12", "S-PLAT-13", "S-SNP-04", "S-SNP-13", "S-TDX-11", "S-TDX-12", "S-SNP-37")]
    public void ChangePages_BehindTheGuest_EndsItAtTheNextAccess(
        Platform platform, ConversionDirection direction, ViewFault fault, string words)
    {
        using var test = new PlatformGuest(platform);
        (_, ulong map, ulong phys) = test.Filled(TestGuest.Private);

        Assert.Null(test.Guest.Vmm.ChangePages(phys, Size, direction));
        Assert.Equal("running", test.Guest.Snapshot().State);
        PageStateChange change = Assert.Single(test.Changes, c => c.Cause == PageStateCause.Host);
        Assert.Equal(new FrameRange(Page.FrameOf(phys), 1), change.Range);
        Assert.Equal(PageCondition.Private, change.Before.Condition);

        Assert.Equal(Errno.EFAULT, test.Load(map, 1).Failure!.Errno);
        Assert.Equal(fault, Assert.Single(test.Faults).Fault);
        Assert.StartsWith(words, test.Guest.Snapshot().State, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    [Statement("S-PLAT-11", "S-PLAT-12")]
    public void ChangePages_SharedBufferTakenBack_FaultsItsUsers(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        (_, ulong map, ulong phys) = test.Filled(TestGuest.Shared);

        Assert.Null(test.Guest.Vmm.ChangePages(phys, Size, ConversionDirection.ToPrivate));

        Assert.Equal(Errno.EFAULT, test.Load(map, 1).Failure!.Errno);
        Assert.Equal(Errno.EFAULT, test.DmaRead(phys, 1).Failure!.Errno);
        Assert.Equal("running", test.Guest.Snapshot().State);
    }

    [Theory]
    [InlineData(Platform.Sev, ConversionDirection.ToShared)]
    [InlineData(Platform.CcaRealm, ConversionDirection.ToPrivate)]
    [InlineData(Platform.None, ConversionDirection.ToShared)]
    [Statement("S-SEV-01")]
    public void ChangePages_WithoutSuchTables_IsRefused(Platform platform, ConversionDirection direction)
    {
        using var test = new PlatformGuest(platform);

        Assert.Equal(Errno.EOPNOTSUPP, test.Guest.Vmm.ChangePages(0x400000, Size, direction).Errno());
    }

    [Fact]
    [Statement("S-ENC-02")]
    public void Remap_Sev_GivesGarbageByTheOthersAddress()
    {
        using var test = new PlatformGuest(Platform.Sev);
        (_, ulong map, ulong phys) = test.Filled(TestGuest.Private);
        (_, ulong otherMap, ulong otherPhys) = test.Filled(TestGuest.Private);
        Assert.Null(test.Guest.Mappings.Store(test.Init, otherMap, new byte[Size]));
        byte[] otherCipher = test.HostRead(otherPhys, Size).Value;

        Assert.Null(test.Guest.Vmm.Remap(phys, otherPhys));

        Assert.Equal(test.Decrypted(otherCipher, phys), test.Load(map, Size).Value);
        Assert.Null(test.Guest.Vmm.Remap(phys, otherPhys));
        Assert.Equal(Old, test.Load(map, Size).Value);
    }

    [Fact]
    [Statement("S-SNP-04", "S-ENC-03")]
    public void Remap_Snp_IsNoticedAtTheNextAccess()
    {
        using var test = new PlatformGuest(Platform.SevSnp);
        (_, ulong map, ulong phys) = test.Filled(TestGuest.Private);
        (_, _, ulong otherPhys) = test.Filled(TestGuest.Private);

        Assert.Null(test.Guest.Vmm.Remap(phys, otherPhys));

        Assert.Equal(Errno.EFAULT, test.Load(map, 1).Failure!.Errno);
        Assert.Equal(ViewFault.VcNotValidated, Assert.Single(test.Faults).Fault);
    }

    [Theory]
    [InlineData(Platform.Tdx, Errno.EOPNOTSUPP)]
    [InlineData(Platform.Sev, Errno.EINVAL)]
    public void Remap_WhatCannotBe_IsRefused(Platform platform, Errno errno)
    {
        using var test = new PlatformGuest(platform);
        (_, _, ulong phys) = test.Filled(TestGuest.Private);

        Assert.Equal(errno, test.Guest.Vmm.Remap(phys, phys).Errno());
    }

    [Theory]
    [InlineData(Platform.SevSnp, HypervisorConduct.Refuse, Errno.EOWNERDEAD)]
    [InlineData(Platform.Tdx, HypervisorConduct.Refuse, Errno.EIO)]
    [InlineData(Platform.Tdx, HypervisorConduct.Retry, Errno.EIO)]
    [InlineData(Platform.CcaRealm, HypervisorConduct.Refuse, Errno.EINVAL)]
    [InlineData(Platform.Pkvm, HypervisorConduct.Refuse, Errno.EPERM)]
    [InlineData(Platform.S390, HypervisorConduct.Refuse, Errno.EOWNERDEAD)]
    [Statement("S-SYS-21", "S-SYS-23", "S-SETM-23", "S-SETM-24", "S-CCA-03", "S-CCA-07", "S-S390-02")]
    public void Allocate_VmmRefusesSharing_EndsWithThePlatformsErrno(Platform platform, HypervisorConduct conduct, Errno errno)
    {
        using var test = new PlatformGuest(platform);
        Assert.Null(test.Guest.Vmm.SetPolicy(new HypervisorPolicy { Conduct = conduct, Only = ConversionDirection.ToShared }));

        Result<BufferHandle> buffer = test.Guest.Heaps.Allocate(test.Init, TestGuest.Shared, Size, 2, 0);

        Assert.Equal(errno, buffer.Failure!.Errno);
        if (errno != Errno.EOWNERDEAD)
        {
            // The chunk was private all along: TDX finds it accepted already, the others take it back (S-SYS-24, 25, S-SETM-44).
            Assert.Equal(platform == Platform.Tdx ? (ulong)Size : 0, test.Guest.Snapshot().Memory.Leaked);
        }
    }

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.PowerSvm)]
    [Statement("S-SEV-03", "S-PPC-01")]
    public void Allocate_VmmRefusesSharing_IsNotNoticedWhereResultsAreIgnored(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        Assert.Null(test.Guest.Vmm.SetPolicy(new HypervisorPolicy { Conduct = HypervisorConduct.Refuse }));

        Assert.True(test.Guest.Heaps.Allocate(test.Init, TestGuest.Shared, Size, 2, 0).Ok);
    }

    [Fact]
    public void SetPolicy_Wrong_NamesTheFieldAndKeepsTheOld()
    {
        using var test = new PlatformGuest(Platform.Tdx);

        Failure failure = test.Guest.Vmm.SetPolicy(new HypervisorPolicy { Pages = 3 })!;

        Assert.Equal((Errno.EINVAL, "pages"), (failure.Errno, failure.Field));
        Assert.Equal(HypervisorPolicy.Obedient, test.Guest.Vmm.Policy);
    }

    [Fact]
    [Statement("S-PLAT-01")]
    public void Watch_Conversions_TellsRunsWithBothStatesAndTheCause()
    {
        using var test = new PlatformGuest(Platform.SevSnp);
        (int fd, _, ulong phys) = test.Filled(TestGuest.Private, 65536);
        Assert.Empty(test.Changes);

        test.Convert(fd, ConversionDirection.ToShared, 4096, 8192);

        PageStateChange change = Assert.Single(test.Changes);
        Assert.Equal(new FrameRange(Page.FrameOf(phys) + 1, 2), change.Range);
        Assert.Equal(
            (PageCondition.Private, PageCondition.Shared, PageStateCause.Request),
            (change.Before.Condition, change.After.Condition, change.Cause));
        test.Watches = false;
        test.Convert(fd, ConversionDirection.ToPrivate, 4096, 8192);
        Assert.Single(test.Changes);
    }

    [Fact]
    [Statement("S-SYS-20", "S-SYS-26")]
    public void Watch_AHeap_TellsItsConversionsAsTheKernels()
    {
        using var test = new PlatformGuest(Platform.Tdx);

        int fd = test.Guest.Heaps.Allocate(test.Init, TestGuest.Shared, 65536, 2, 0).Value.Fd;
        test.Guest.Buffers.Release(test.Init, fd);

        Assert.Equal([PageCondition.Shared, PageCondition.Private], test.Changes.Select(c => c.After.Condition));
        Assert.All(test.Changes, c => Assert.Equal((PageStateCause.Kernel, 16UL), (c.Cause, c.Range.Count)));
    }

    [Fact]
    [Statement("S-DMA-18", "S-HEAP-44", "S-DMA-12")]
    public void DmaRead_SmeHost_GoesThroughTheCBit()
    {
        using var test = new PlatformGuest(Platform.SmeHost);
        (_, _, ulong phys) = test.Filled(TestGuest.Private);
        byte[] bytes = new byte[Size];

        Assert.Null(test.Guest.Devices.DmaRead(test.Init, "", test.Guest.Dma.Environment.Encoding.Private(phys), bytes));
        Assert.Equal(Old, bytes);
        Assert.Equal(test.Encrypted(Old, phys), test.DmaRead(phys, Size).Value);
    }

    [Fact]
    [Statement("S-PLAT-13", "S-DMA-16")]
    public void DmaRead_Realm_ReachesTheUnprotectedHalfOnly()
    {
        using var test = new PlatformGuest(Platform.CcaRealm);
        (_, _, ulong phys) = test.Filled(TestGuest.Shared);

        Assert.Equal(Old, test.DmaRead(phys, Size).Value);
        Assert.Equal(Errno.EFAULT, test.Guest.Devices.DmaRead(test.Init, "", phys, new byte[1]).Errno());
    }
}
