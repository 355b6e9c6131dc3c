using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;
using CocoGuest.Machine.Rdma;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Rdma;

/// <summary>Memory regions over user memory and over dma-bufs: checks, their order, what they hold.</summary>
public sealed class RegistrationTests
{
    private const ulong PageBytes = 4096;
    private const string Hca = "mlx5_0";
    private const string Soft = "rxe0";

    [Fact]
    [Statement("S-RDMA-10")]
    public void RegisterDmaBufMr_OnASoftwareDevice_IsRefusedBeforeTheFdIsLookedAt()
    {
        using var test = new TestGuest();
        uint pd = Pd(test, Soft, null);

        Assert.Equal(Errno.EOPNOTSUPP, OverBuffer(test, pd, fd: -1, 0, PageBytes).Failure!.Errno);
    }

    [Theory]
    [Statement("S-RDMA-11", "S-PIN-05", "S-PIN-23", "S-PIN-25", "S-RDMA-16")]
    [InlineData(KernelVersion.V72, Platform.SevSnp, Errno.EOPNOTSUPP)]
    [InlineData(KernelVersion.V73, Platform.SevSnp, Errno.EOPNOTSUPP)]
    [InlineData(KernelVersion.V71, Platform.SevSnp, Errno.EIO)]
    [InlineData(KernelVersion.V72, Platform.None, Errno.None)]
    public void RegisterMr_OfPlainMemoryOnAnHca_EndsAsTheKernelSays(KernelVersion kernel, Platform platform, Errno errno)
    {
        using var test = new TestGuest(platform, kernel);
        uint pd = Pd(test, Hca, TestGuest.Nic);

        Assert.Equal(errno, OverMemory(test, pd, PageBytes).Failure?.Errno ?? Errno.None);
    }

    [Fact]
    [Statement("S-PIN-23")]
    public void RegisterMr_BeforeTheSharedHeap_Bounces()
    {
        using var test = new TestGuest(Platform.SevSnp, KernelVersion.V619);
        uint pd = Pd(test, Hca, TestGuest.Nic);

        Assert.True(OverMemory(test, pd, PageBytes).Ok);
        Assert.NotEqual(0u, test.Guest.Dma.DefaultPool!.UsedSlots);
    }

    /// <summary>Was a fault: whoever guessed the number of the pin could take it from under its region, whose end then failed.</summary>
    [Fact]
    [Statement("S-PIN-06")]
    public void Unpin_OfAPinThatARegionHas_IsRefused()
    {
        using var test = new TestGuest();
        uint pd = Pd(test, Soft, null);
        MemoryRegion region = OverMemory(test, pd, PageBytes).Value;
        ulong pin = test.Guest.Rdma.Holdings.Single().Pin!.Value;

        Assert.Equal(Errno.ENOENT, test.Guest.Pins.Unpin(test.Init, pin)!.Errno);

        Assert.Equal(1, test.Guest.Pins.PinnedPages);
        Assert.Null(test.Guest.Rdma.DeregisterMr(test.Init, region.Key));
    }

    [Theory]
    [Statement("S-PIN-22")]
    [InlineData(KernelVersion.V612, "")]
    [InlineData(KernelVersion.V72, "REQUIRE_COHERENT")]
    public void RegisterMr_OnAnHca_MapsBothWaysAndFromP2OnCoherently(KernelVersion kernel, string attributes)
    {
        using var test = new TestGuest(Platform.None, kernel);
        uint pd = Pd(test, Hca, TestGuest.Nic);
        Assert.Null(test.Guest.Trace.Set("dma:dma_map_sg", on: true));

        Assert.True(OverMemory(test, pd, PageBytes).Ok);

        string line = test.Guest.Trace.Read(0, 1, out _)[0].Text;
        Assert.Contains("dir=BIDIRECTIONAL", line, StringComparison.Ordinal);
        Assert.EndsWith($" attrs={attributes}", line, StringComparison.Ordinal);
    }

    [Fact]
    [Statement("S-PIN-20", "S-PIN-24")]
    public void RegisterMr_BeyondTheLockLimit_FailsAndPinsNothing()
    {
        using var test = new TestGuest(Platform.None);
        uint pd = Pd(test, Soft, null);
        test.Init.Limits = test.Init.Limits with { MayLock = false, LockedBytes = 2 * PageBytes };
        Assert.True(OverMemory(test, pd, 2 * PageBytes).Ok);

        Assert.Equal(Errno.ENOMEM, OverMemory(test, pd, PageBytes).Failure!.Errno);
        Assert.Equal((2, 2 * PageBytes), (test.Guest.Pins.PinnedPages, test.Init.PinnedBytes));
    }

    [Fact]
    [Statement("S-PIN-20")]
    public void RegisterMr_WithoutTheRightToLock_IsRefused()
    {
        using var test = new TestGuest(Platform.None);
        uint pd = Pd(test, Soft, null);
        test.Init.Limits = test.Init.Limits with { MayLock = false, LockedBytes = 0 };

        Assert.Equal(Errno.EPERM, OverMemory(test, pd, PageBytes).Failure!.Errno);
    }

    [Theory]
    [Statement("S-PIN-20", "S-RDMA-05", "S-RDMA-04")]
    [InlineData(0UL, 0UL, 1u, Errno.EINVAL)]
    [InlineData(ulong.MaxValue, 0UL, 1u, Errno.EINVAL)]
    [InlineData(PageBytes, 8UL, 1u, Errno.EINVAL)]
    [InlineData(PageBytes, 0UL, 2u, Errno.EINVAL)]
    [InlineData(PageBytes, 0UL, 1u << 15, Errno.EINVAL)]
    [InlineData(PageBytes, 0UL, 64u, Errno.EOPNOTSUPP)]
    public void RegisterMr_WrongArguments_AreRefused(ulong length, ulong iovaShift, uint access, Errno errno)
    {
        using var test = new TestGuest(Platform.None);
        uint pd = Pd(test, Soft, null);
        ulong address = test.Guest.Mappings.MmapAnonymous(test.Init, PageBytes, MapProtection.Read | MapProtection.Write).Value.Address;

        Result<MemoryRegion> region = test.Guest.Rdma.RegisterMr(test.Init, pd, address, length, address + iovaShift, (RdmaAccess)access);

        Assert.Equal(errno, region.Failure!.Errno);
    }

    [Fact]
    [Statement("S-PIN-21")]
    public void RegisterMr_ReadOnlyMemoryForWriting_CannotBePinned()
    {
        using var test = new TestGuest(Platform.None);
        uint pd = Pd(test, Soft, null);
        ulong address = test.Guest.Mappings.MmapAnonymous(test.Init, PageBytes, MapProtection.Read).Value.Address;

        Assert.Equal(
            Errno.EFAULT,
            test.Guest.Rdma.RegisterMr(test.Init, pd, address, PageBytes, address, RdmaAccess.LocalWrite).Failure!.Errno);
        Assert.True(test.Guest.Rdma.RegisterMr(test.Init, pd, address, PageBytes, address, RdmaAccess.None).Ok);
    }

    [Theory]
    [Statement("S-PIN-30", "S-RDMA-01", "S-RDMA-03")]
    [InlineData(0UL, 0UL, 1u)]
    [InlineData(PageBytes, 4 * PageBytes, 1u)]
    [InlineData(ulong.MaxValue - 4095, PageBytes, 1u)]
    [InlineData(0UL, PageBytes, 16u)]
    public void RegisterDmaBufMr_WrongRangeOrAccess_IsRefused(ulong offset, ulong length, uint access)
    {
        using var test = new TestGuest();
        uint pd = Pd(test, Hca, TestGuest.Nic);
        int fd = test.Allocate(TestGuest.Shared, 4 * PageBytes);

        Result<MemoryRegion> region = test.Guest.Rdma.RegisterDmaBufMr(test.Init, pd, fd, offset, length, offset, (RdmaAccess)access);

        Assert.Equal(Errno.EINVAL, region.Failure!.Errno);
    }

    [Fact]
    [Statement("S-PIN-31", "S-RDMA-07")]
    public void RegisterDmaBufMr_APartOfTheBuffer_ShowsTheEntriesOfItsPagesOnly()
    {
        using var test = new TestGuest();
        uint pd = Pd(test, Hca, TestGuest.Nic);
        int fd = test.Allocate(TestGuest.Shared, 17 * PageBytes);
        ulong first = test.Stat(fd).Chunks[0].Address;

        MemoryRegion region = OverBuffer(test, pd, fd, (15 * PageBytes) + 100, PageBytes).Value;

        Assert.Equal([PageBytes, PageBytes], region.Entries.Select(e => e.Length));
        Assert.Equal(first + (15 * PageBytes), region.Entries[0].Phys & ((1UL << 51) - 1));
    }

    [Fact]
    [Statement("S-RDMA-06", "S-PIN-32")]
    public void DeregisterMr_LetsTheBufferAndTheDomainGo()
    {
        using var test = new TestGuest();
        uint pd = Pd(test, Hca, TestGuest.Nic);
        MemoryRegion region = OverBuffer(test, pd, test.Allocate(TestGuest.Shared, PageBytes), 0, PageBytes).Value;
        Assert.Equal(Errno.EBUSY, test.Guest.Rdma.DeallocPd(test.Init, pd)!.Errno);

        Assert.Null(test.Guest.Rdma.DeregisterMr(test.Init, region.Key));

        Assert.Equal(0, test.Snapshot().Objects.Attachments);
        Assert.Null(test.Guest.Rdma.DeallocPd(test.Init, pd));
    }

    [Fact]
    [Statement("S-PIN-35")]
    public void RegisterDmaBufMr_CountsAgainstNoLimit()
    {
        using var test = new TestGuest();
        uint pd = Pd(test, Hca, TestGuest.Nic);
        test.Init.Limits = test.Init.Limits with { MayLock = false, LockedBytes = 0 };

        Assert.True(OverBuffer(test, pd, test.Allocate(TestGuest.Shared, PageBytes), 0, PageBytes).Ok);
        Assert.Equal(0UL, test.Init.PinnedBytes);
    }

    [Fact]
    [Statement("S-RDMA-30")]
    public void Register_GivesKeysThatDifferInTheirIndex()
    {
        using var test = new TestGuest(Platform.None);
        uint pd = Pd(test, Soft, null);

        Assert.Equal([1u << 8, 2u << 8], new[] { OverMemory(test, pd, 1).Value.Key, OverMemory(test, pd, 1).Value.Key });
    }

    [Fact]
    [Statement("S-PIN-06")]
    public void End_OfAProcess_LetsItsRegionsGo()
    {
        using var test = new TestGuest(Platform.None);
        GuestProcess process = test.Open();
        Assert.True(test.Guest.Rdma.AddDevice(process, Soft, null).Ok);
        uint pd = test.Guest.Rdma.AllocPd(process, Soft).Value;
        ulong address = test.Guest.Mappings.MmapAnonymous(process, PageBytes, MapProtection.Read | MapProtection.Write).Value.Address;
        Assert.True(test.Guest.Rdma.RegisterMr(process, pd, address, PageBytes, address, RdmaAccess.LocalWrite).Ok);

        Assert.Null(test.Guest.Processes.End(process));

        Assert.Equal(0, test.Guest.Pins.PinnedPages);
    }

    private static uint Pd(TestGuest test, string name, string? dmaDevice)
    {
        if (dmaDevice is not null)
        {
            test.Register(test.Init, dmaDevice);
        }

        Assert.True(test.Guest.Rdma.AddDevice(test.Init, name, dmaDevice).Ok);
        return test.Guest.Rdma.AllocPd(test.Init, name).Value;
    }

    private static Result<MemoryRegion> OverMemory(TestGuest test, uint pd, ulong length)
    {
        ulong address = test.Guest.Mappings.MmapAnonymous(test.Init, length, MapProtection.Read | MapProtection.Write).Value.Address;
        return test.Guest.Rdma.RegisterMr(test.Init, pd, address, length, address, RdmaAccess.LocalWrite);
    }

    private static Result<MemoryRegion> OverBuffer(TestGuest test, uint pd, int fd, ulong offset, ulong length) =>
        test.Guest.Rdma.RegisterDmaBufMr(test.Init, pd, fd, offset, length, offset, RdmaAccess.LocalWrite);
}
