using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Platforms;

/// <summary>The platform of the recorded runs, on all kernels that they were recorded on.</summary>
public sealed class LabTests
{
    public static TheoryData<KernelVersion> Kernels =>
        [KernelVersion.V612, KernelVersion.V612Seed, KernelVersion.SeedV1, KernelVersion.V72, KernelVersion.V73];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Boot_OnEachKernel_GivesAGuestThatAllocates(KernelVersion kernel)
    {
        using var test = new TestGuest(Platform.Lab, kernel);

        Assert.True(test.TryAllocate(TestGuest.Private, 4096).Ok);
    }

    [Theory]
    [InlineData(KernelVersion.V612Seed, TestGuest.Private, KernelProfile.HeapFlagDecrypted)]
    [InlineData(KernelVersion.SeedV1, TestGuest.Private, KernelProfile.HeapFlagDecrypted)]
    [InlineData(KernelVersion.V72, TestGuest.Shared, 0UL)]
    [InlineData(KernelVersion.V73, TestGuest.Shared, 0UL)]
    [Statement("S-SYS-20", "S-SYS-26")]
    public void Allocate_Shared_IsCountedAndKeepsContents(KernelVersion kernel, string heap, ulong flags)
    {
        using var test = new TestGuest(Platform.Lab, kernel);
        ConversionCounters before = test.Guest.Snapshot().Conversions;
        BufferHandle buffer = test.TryAllocate(heap, 1052672, heapFlags: flags).Value;
        ConversionCounters made = test.Guest.Snapshot().Conversions;
        ulong address = test.Map(buffer.Fd);
        Span<byte> seen = stackalloc byte[16];
        Assert.Null(test.Guest.Mappings.Load(test.Init, address, seen));

        Assert.Equal((2UL, 257UL), (made.ConversionsToShared - before.ConversionsToShared, made.PagesToShared - before.PagesToShared));
        Assert.True(seen.IndexOfAnyExcept((byte)0) < 0);
        test.Guest.Mappings.Munmap(test.Init, address);
        test.Guest.Buffers.Release(test.Init, buffer.Fd);
        Assert.Equal(257UL, test.Guest.Snapshot().Conversions.PagesToPrivate);
    }

    [Theory]
    [InlineData(Errno.EIO)]
    [InlineData(Errno.EPERM)]
    [Statement("S-SYS-21", "S-SYS-23")]
    public void Allocate_SecondChunkOrderedToFail_ReturnsTheErrnoAndLeaksNothing(Errno errno)
    {
        using var test = new TestGuest(Platform.Lab);
        ulong free = test.Guest.Snapshot().Memory.Free;
        Assert.True(test.Guest.Faults.Inject(new FaultSpec(FaultPoint.FailDecrypt) { Interval = 2, Times = 1, Errno = errno }).Ok);

        Result<BufferHandle> buffer = test.TryAllocate(TestGuest.Shared, 3 * 4096);

        Assert.Equal(errno, buffer.Failure!.Errno);
        Assert.Equal(free, test.Guest.Snapshot().Memory.Free);
        Assert.Equal(3UL, test.Guest.Snapshot().Conversions.ConversionsToPrivate);
    }

    [Fact]
    [Statement("S-HEAP-40", "S-SETM-02")]
    public void Allocate_ClaimSwitchedOff_IsRefusedAndCountsNothing()
    {
        using var test = new TestGuest(Platform.Lab, KernelVersion.V612Seed);
        ConversionCounters before = test.Guest.Snapshot().Conversions;
        test.Guest.ClaimsEncryption = false;

        Result<BufferHandle> off = test.TryAllocate(TestGuest.Private, 4096, heapFlags: KernelProfile.HeapFlagDecrypted);

        Assert.Equal(Errno.EOPNOTSUPP, off.Failure!.Errno);
        Assert.Equal(before, test.Guest.Snapshot().Conversions);
        test.Guest.ClaimsEncryption = true;
        Assert.True(test.TryAllocate(TestGuest.Private, 4096, heapFlags: KernelProfile.HeapFlagDecrypted).Ok);
    }

    [Fact]
    [Statement("S-SETM-02")]
    public void Release_ClaimSwitchedOffInBetween_ReEncryptsNothing()
    {
        using var test = new TestGuest(Platform.Lab);
        int fd = test.Allocate(TestGuest.Shared, 4096);
        test.Guest.ClaimsEncryption = false;

        test.Guest.Buffers.Release(test.Init, fd);

        Assert.Equal(0UL, test.Guest.Snapshot().Conversions.ConversionsToPrivate);
        Assert.Equal(0UL, test.Guest.Snapshot().Memory.Leaked);
    }

    [Fact]
    public void ClaimsEncryption_OnAnotherPlatform_CannotBeSwitched()
    {
        using var test = new TestGuest(Platform.Tdx);

        test.Guest.ClaimsEncryption = false;

        Assert.True(test.Guest.ClaimsEncryption);
    }

    [Theory]
    [InlineData(KernelVersion.V612Seed, true, false, false)]
    [InlineData(KernelVersion.V72, true, true, true)]
    [InlineData(KernelVersion.V73, true, true, true)]
    public void Environment_ByKernel_ClaimsWhatTheRecordsSay(KernelVersion kernel, bool mem, bool guest, bool forced)
    {
        using var test = new TestGuest(Platform.Lab, kernel);
        DmaEnvironment environment = test.Guest.Dma.Environment;

        Assert.Equal((mem, guest, false), (environment.MemEncrypt, environment.GuestMemEncrypt, environment.HostMemEncrypt));
        Assert.Equal(forced, environment.ForceDmaUnencrypted(ulong.MaxValue));
        Assert.Equal((0x1000UL, 0x1000UL), (environment.Encoding.Private(0x1000), environment.Encoding.Unencrypted(0x1000)));
    }
}
