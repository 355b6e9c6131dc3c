using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Host;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Platforms;

/// <summary>Pages that convert under CPU mappings, device mappings and the host's eyes.</summary>
public sealed class ConversionTests
{
    private const int Size = 4096;
    private static readonly byte[] Old = PlatformGuest.Pattern(Size);
    private static readonly byte[] Zeros = new byte[Size];

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevEs)]
    [InlineData(Platform.SmeHost)]
    [Statement("S-PLAT-21", "S-PLAT-10", "S-SEV-01", "S-SETM-32")]
    public void PrivateToShared_InPlace_ShowsCiphertextAndTheStaleMappingTheOldText(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        (int fd, ulong map, ulong phys) = test.Filled(TestGuest.Private);

        Assert.Null(test.Convert(fd, ConversionDirection.ToShared).Failure);

        byte[] cipher = test.Encrypted(Old, phys);
        Assert.Equal(cipher, test.HostRead(phys, Size).Value);
        Assert.Equal(cipher, test.DmaRead(phys, Size).Value);
        Assert.Equal(Old, test.Load(map, Size).Value);
        Assert.Null(test.Convert(fd, ConversionDirection.ToPrivate).Failure);
        Assert.Equal(Old, test.Load(map, Size).Value);
    }

    [Fact]
    [Statement("S-PLAT-21", "S-SETM-33", "S-PLAT-10")]
    public void SharedToPrivate_Sev_StaleCpuAndDeviceMappingsSeeTheRawBytes()
    {
        using var test = new PlatformGuest(Platform.Sev);
        (int fd, ulong map, ulong phys) = test.Filled(TestGuest.Shared);

        Assert.Null(test.Convert(fd, ConversionDirection.ToPrivate).Failure);

        Assert.Equal(Old, test.Load(map, Size).Value);
        Assert.Equal(Old, test.DmaRead(phys, Size).Value);
        Assert.Equal(Old, test.HostRead(phys, Size).Value);
        Assert.False(test.Guest.Pages.IsShared(Page.FrameOf(phys)));
    }

    [Theory]
    [InlineData(Platform.SevSnp, ViewFault.NpfRmp, ViewFault.IommuRmp)]
    [InlineData(Platform.SevSnpVtom, ViewFault.NpfRmp, ViewFault.IommuRmp)]
    [InlineData(Platform.Tdx, ViewFault.SharedAccessToPrivate, ViewFault.DmaFault)]
    [InlineData(Platform.CcaRealm, ViewFault.StageTwoUnshared, ViewFault.DmaFault)]
    [Statement("S-PLAT-11", "S-PLAT-12", "S-PLAT-13", "S-SETM-32", "S-SETM-33", "S-SNP-29")]
    public void SharedToPrivate_UnderMappings_TheyFaultFromThenOn(Platform platform, ViewFault onLoad, ViewFault onDma)
    {
        using var test = new PlatformGuest(platform);
        (int fd, ulong map, ulong phys) = test.Filled(TestGuest.Shared);
        ulong attachment = test.Guest.Importers.Attach(test.Init, fd, "").Value.Attachment;
        Assert.True(test.Guest.Importers.Map(test.Init, attachment, CocoGuest.Machine.Abi.DmaDirection.Bidirectional, 0).Ok);

        ConversionOutcome outcome = test.Convert(fd, ConversionDirection.ToPrivate);

        Assert.Null(outcome.Failure);
        Assert.Equal((1, 0UL, 1), (outcome.Calls, outcome.SharedPages, outcome.StaleDeviceMappings));
        Assert.Equal(Errno.EFAULT, test.Load(map, 16).Failure!.Errno);
        Assert.Equal(Errno.EFAULT, test.DmaRead(phys, 16).Failure!.Errno);
        Assert.Equal([onLoad, onDma], test.Faults.Select(f => f.Fault));
        Assert.All(test.Faults, f => Assert.Equal((phys, false), (f.Address, f.EndsGuest)));
    }

    [Theory]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.SevSnpVtom)]
    [InlineData(Platform.Tdx)]
    [InlineData(Platform.CcaRealm)]
    [Statement("S-PLAT-21", "S-SETM-06", "S-TDX-07", "S-TDX-13", "S-PLAT-02")]
    public void ThereAndBack_TwoBackings_LosesTheContentsEachTime(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        (int fd, ulong map, ulong phys) = test.Filled(TestGuest.Private);

        test.Convert(fd, ConversionDirection.ToShared);
        Assert.Equal(Zeros, test.HostRead(phys, Size).Value);
        Assert.Null(test.Guest.HostView.Write(phys, Old));
        Assert.Equal(Old, test.DmaRead(phys, Size).Value);
        test.Convert(fd, ConversionDirection.ToPrivate);

        bool garbled = platform is Platform.SevSnp or Platform.SevSnpVtom;
        Assert.Equal(garbled ? test.Decrypted(Zeros, phys) : Zeros, test.Load(map, Size).Value);
    }

    [Theory]
    [InlineData(Platform.S390)]
    [InlineData(Platform.PowerSvm)]
    [InlineData(Platform.Pkvm)]
    [InlineData(Platform.None)]
    [Statement("S-PLAT-21", "S-S390-03", "S-CCA-07")]
    public void ThereAndBack_OneAddressPlatforms_KeepContentsAndMappings(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        (int fd, ulong map, ulong phys) = test.Filled(TestGuest.Private);

        Assert.Null(test.Convert(fd, ConversionDirection.ToShared).Failure);
        Assert.Equal(Old, test.Load(map, Size).Value);
        Assert.Equal(Old, test.HostRead(phys, Size).Value);
        Assert.Equal(Old, test.DmaRead(phys, Size).Value);
        Assert.Null(test.Convert(fd, ConversionDirection.ToPrivate).Failure);

        Assert.Equal(Old, test.Load(map, Size).Value);
    }

    [Theory]
    [InlineData(Platform.SevSnp, true)]
    [InlineData(Platform.Tdx, false)]
    [Statement("S-SNP-32", "S-PLAT-21")]
    public void ThereAndBack_VmmKeepsBackings_OldContentsComeBack(Platform platform, bool privateComesBack)
    {
        using var test = new PlatformGuest(platform);
        Assert.Null(test.Guest.Vmm.SetPolicy(new HypervisorPolicy { DiscardsOldBacking = false }));
        (int fd, ulong map, ulong phys) = test.Filled(TestGuest.Private);

        test.Convert(fd, ConversionDirection.ToShared);
        Assert.Null(test.Guest.HostView.Write(phys, "shared"u8));
        test.Convert(fd, ConversionDirection.ToPrivate);
        Assert.Equal(privateComesBack ? Old : Zeros, test.Load(map, Size).Value);
        test.Convert(fd, ConversionDirection.ToShared);

        Assert.Equal(privateComesBack ? "shared"u8.ToArray() : new byte[6], test.HostRead(phys, 6).Value);
    }

    [Theory]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.PowerSvm)]
    [Statement("S-SETM-32")]
    public void SharedToPrivate_PartOfABuffer_EmptiesThatPartOfItsFileOnly(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        (int fd, ulong map, ulong phys) = test.Filled(TestGuest.Shared, 65536);
        VisibleBacking backing = test.Guest.Mappings.Mmap(
            test.Init, fd, 0, null, null, CocoGuest.Machine.Abi.MapFlags.Shared).Value.Backing!;
        using var file = new FileStream(backing.OpenFd().Value, FileAccess.ReadWrite);

        ConversionOutcome outcome = test.Convert(fd, ConversionDirection.ToPrivate, 8192, 12288);

        Assert.Null(outcome.Failure);
        byte[] seen = new byte[65536];
        RandomAccess.Read(file.SafeFileHandle, seen, 0);
        byte[] expected = PlatformGuest.Pattern(65536);
        expected.AsSpan(8192, 12288).Clear();
        Assert.Equal(expected, seen);
        Assert.Equal(PlatformGuest.Pattern(65536)[..8192], test.Load(map, 8192).Value);
        Assert.Null(test.Convert(fd, ConversionDirection.ToShared, 8192, 4096).Failure);
        Assert.Null(test.Guest.Mappings.Store(test.Init, map + 8192, "again"u8));
        RandomAccess.Read(file.SafeFileHandle, seen, 0);
        Assert.Equal("again"u8.ToArray(), seen[8192..8197]);
        Assert.Equal("again"u8.ToArray(), test.HostRead(phys + 8192, 5).Value);
    }

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    [InlineData(Platform.CcaRealm)]
    [InlineData(Platform.S390)]
    public void Release_OfABufferConvertedInPart_LeavesNothingBehind(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        GuestSnapshot before = test.Guest.Snapshot();
        (int fd, ulong map, _) = test.Filled(TestGuest.Private, 65536);
        Assert.Null(test.Convert(fd, ConversionDirection.ToShared, 8192, 12288).Failure);
        Assert.Null(test.Convert(fd, ConversionDirection.ToPrivate, 8192, 12288).Failure);

        Assert.Null(test.Guest.Mappings.Munmap(test.Init, map));
        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));

        Assert.Equal(before.Memory, test.Guest.Snapshot().Memory);
        (_, map, _) = test.Filled(TestGuest.Private, 65536);
        Assert.Equal(PlatformGuest.Pattern(65536), test.Load(map, 65536).Value);
    }

    [Theory]
    [InlineData(Platform.SevSnp, ViewFault.NpfPrivateMismatch, "panicked")]
    [InlineData(Platform.Tdx, ViewFault.EptViolation, "stopped")]
    [Statement("S-PLAT-11", "S-PLAT-12", "S-TDX-12", "S-SNP-29")]
    public void PrivateToShared_UnderAPrivateMapping_EndsTheGuestAtTheNextLoad(Platform platform, ViewFault fault, string words)
    {
        using var test = new PlatformGuest(platform);
        (int fd, ulong map, _) = test.Filled(TestGuest.Private);
        test.Convert(fd, ConversionDirection.ToShared);

        Assert.Equal(Errno.EFAULT, test.Load(map, 1).Failure!.Errno);

        PageFault seen = Assert.Single(test.Faults);
        Assert.Equal((fault, true), (seen.Fault, seen.EndsGuest));
        Assert.StartsWith(words, test.Guest.Snapshot().State, StringComparison.Ordinal);
        Assert.Equal(Errno.EOWNERDEAD, test.Load(map, 1).Failure!.Errno);
    }

    [Fact]
    [Statement("S-SNP-29")]
    public void FaultEvent_NestedPageFault_CarriesErrorBitsAndReceiver()
    {
        Assert.Equal(0x480000000UL, new PageFault(ViewFault.NpfPrivateMismatch, default, 0, default, true).ErrorCode);
        Assert.Equal(0x80000000UL, new PageFault(ViewFault.NpfRmp, default, 0, default, true).ErrorCode);
        Assert.Equal(FaultReceiver.Vmm, ViewFaults.ReceiverOf(ViewFault.NpfRmp));
        Assert.Equal(FaultReceiver.Guest, ViewFaults.ReceiverOf(ViewFault.VcNotValidated));
        Assert.Equal(FaultReceiver.Iommu, ViewFaults.ReceiverOf(ViewFault.IommuRmp));
        Assert.All(Enum.GetValues<ViewFault>(), f => Assert.NotEmpty(ViewFaults.Describe(f)));
        Assert.All(Enum.GetValues<ViewFault>(), f => Assert.True(Enum.IsDefined(ViewFaults.ReceiverOf(f))));
    }

    [Theory]
    [InlineData(Platform.SevSnp, 1UL, 16UL, 0UL, 0UL)]
    [InlineData(Platform.Tdx, 0UL, 0UL, 1UL, 16UL)]
    [InlineData(Platform.CcaRealm, 0UL, 0UL, 0UL, 0UL)]
    [Statement("S-VEC-34", "S-SETM-12")]
    public void Convert_OneChunk_TellsItsCost(Platform platform, ulong batches, ulong pvalidates, ulong mapGpa, ulong accepted)
    {
        using var test = new PlatformGuest(platform);
        (int fd, _, _) = test.Filled(TestGuest.Private, 65536);

        ConversionCounters toShared = test.Convert(fd, ConversionDirection.ToShared).Cost;
        ConversionCounters back = test.Convert(fd, ConversionDirection.ToPrivate).Cost;

        Assert.Equal((1UL, 16UL, 0UL), (toShared.ConversionsToShared, toShared.PagesToShared, toShared.ConversionsToPrivate));
        Assert.Equal((batches, pvalidates, mapGpa), (toShared.PscBatches, toShared.Pvalidates, toShared.MapGpaCalls));
        Assert.Equal(accepted, back.PagesAccepted);
        Assert.Equal(toShared + back, test.Guest.Buffers.Stat(test.Init, fd).Value.Conversions);
    }

    [Fact]
    [Statement("S-VEC-34")]
    public void Allocate_SharedBuffer_KnowsItsOwnCost()
    {
        using var test = new PlatformGuest(Platform.SevSnp);
        int one = test.Guest.Heaps.Allocate(test.Init, TestGuest.Shared, 1 << 20, 2, 0).Value.Fd;
        int two = test.Guest.Heaps.Allocate(test.Init, TestGuest.Private, 1 << 20, 2, 0).Value.Fd;

        ConversionCounters cost = test.Guest.Buffers.Stat(test.Init, one).Value.Conversions;

        Assert.Equal((1UL, 4UL, 256UL, 4UL), (cost.ConversionsToShared, cost.PscBatches, cost.Pvalidates, cost.HypervisorExits));
        Assert.Equal(default, test.Guest.Buffers.Stat(test.Init, two).Value.Conversions);
    }

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    [Statement("S-SETM-30", "S-SETM-31", "S-SETM-33")]
    public void Mprotect_OfASharedMapping_KeepsItDecrypted(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        (_, ulong map, _) = test.Filled(TestGuest.Shared);

        Assert.Null(test.Guest.Mappings.Mprotect(test.Init, map, Size, CocoGuest.Machine.Abi.MapProtection.Read));

        Assert.Equal(Old, test.Load(map, Size).Value);
    }

    [Theory]
    [InlineData(Platform.SevSnp, null, 1, true)]
    [InlineData(Platform.Tdx, null, 1, true)]
    [InlineData(Platform.CcaRealm, null, 0, true)]
    [InlineData(Platform.PowerSvm, Errno.EINVAL, 0, false)]
    [InlineData(Platform.S390, Errno.EOWNERDEAD, 0, false)]
    [InlineData(Platform.None, null, 1, false)]
    [Statement("S-SETM-02", "S-SETM-04", "S-SETM-43", "S-PPC-01", "S-S390-01")]
    public void Convert_MisalignedAddress_EndsAsTheArchitectureHasIt(Platform platform, Errno? errno, int calls, bool warns)
    {
        using var test = new PlatformGuest(platform);
        (_, _, ulong phys) = test.Filled(TestGuest.Private);

        ConversionOutcome outcome = test.Guest.Conversions.Convert(phys + 8, 1, ConversionDirection.ToShared, 0).Value;

        Assert.Equal((errno, calls), (outcome.Failure?.Errno, outcome.Calls));
        Assert.Equal(warns, test.Guest.Snapshot().KernelLog.Contains("misaligned address"));
        bool shared = platform is Platform.SevSnp or Platform.Tdx;
        Assert.Equal(shared, test.Guest.Pages.IsShared(Page.FrameOf(phys)));
    }

    [Theory]
    [InlineData(0UL, 0UL, 0u, "length")]
    [InlineData(0xfffffffff000UL, 1UL, 0u, "address")]
    [InlineData(0UL, ulong.MaxValue, 0u, "pages")]
    [InlineData(0UL, 1UL, 2u, "cpu")]
    public void Convert_WrongArguments_NameTheFieldAndChangeNothing(ulong address, ulong pages, uint cpu, string field)
    {
        using var test = new PlatformGuest(Platform.SevSnp);

        Failure failure = test.Guest.Conversions.Convert(address, pages, ConversionDirection.ToShared, cpu).Failure!;

        Assert.Equal((Errno.EINVAL, field), (failure.Errno, failure.Field));
        Assert.Empty(test.Changes);
    }

    [Fact]
    [Statement("S-SNP-10", "S-SNP-12", "S-SNP-35", "S-SETM-05")]
    public void Convert_SnpTwiceToPrivate_EndsTheGuest()
    {
        using var test = new PlatformGuest(Platform.SevSnp);
        (int fd, _, _) = test.Filled(TestGuest.Private);

        ConversionOutcome outcome = test.Convert(fd, ConversionDirection.ToPrivate);

        Assert.Equal(Errno.EOWNERDEAD, outcome.Failure!.Errno);
        Assert.StartsWith("terminated: reason set 1, code 2", test.Guest.Snapshot().State, StringComparison.Ordinal);
    }

    [Fact]
    [Statement("S-SYS-29", "S-SYS-26", "S-SYS-23")]
    public void Release_ReEncryptionFails_TheHostStillSeesTheOldSharedBytes()
    {
        foreach (Platform platform in new[] { Platform.Sev, Platform.Tdx, Platform.SevSnp, Platform.CcaRealm, Platform.Pkvm, Platform.Lab })
        {
            using var test = new PlatformGuest(platform);
            (int fd, ulong map, ulong phys) = test.Filled(TestGuest.Shared, 65536 + 4096);
            Assert.True(test.Guest.Faults.Inject(new FaultSpec(FaultPoint.FailEncrypt) { Times = 1 }).Ok);
            Assert.Null(test.Guest.Mappings.Munmap(test.Init, map));

            Assert.Null(test.Guest.Buffers.Release(test.Init, fd));

            Assert.Equal(65536UL, test.Guest.Snapshot().Memory.Leaked);
            Assert.Equal(PlatformGuest.Pattern(65536), test.HostRead(phys, 65536).Value);
        }
    }

    [Fact]
    [Statement("S-SYS-29", "S-SYS-25", "S-SYS-27")]
    public void Release_NeverTouchedAndLeaked_ShowsWhatTheAllocationLeft()
    {
        using var test = new PlatformGuest(Platform.Sev);
        int fd = test.Guest.Heaps.Allocate(test.Init, TestGuest.Shared, 4096, 2, 0).Value.Fd;
        ulong phys = test.Guest.Buffers.Stat(test.Init, fd).Value.Chunks[0].Address;
        Assert.True(test.Guest.Faults.Inject(new FaultSpec(FaultPoint.FailEncrypt)).Ok);

        test.Guest.Buffers.Release(test.Init, fd);

        Assert.Equal(test.Encrypted(Zeros, phys), test.HostRead(phys, Size).Value);
    }
}
