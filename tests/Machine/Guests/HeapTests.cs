using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Guests;

public sealed class HeapTests
{
    private const ulong K4 = 4096;
    private const ulong K64 = 65536;
    private const ulong M1 = 1 << 20;

    [Theory]
    [Statement("S-VEC-10", "S-SYS-01", "S-SYS-02", "S-SYS-06", "S-REC-04")]
    [InlineData(1, 0, 0, 1)]
    [InlineData(4097, 0, 0, 2)]
    [InlineData(65536, 0, 1, 0)]
    [InlineData(69632, 0, 1, 1)]
    [InlineData(983040, 0, 15, 0)]
    [InlineData(1048576, 1, 0, 0)]
    [InlineData(1048577, 1, 0, 1)]
    [InlineData(1118208, 1, 1, 1)]
    [InlineData(2093056, 1, 15, 15)]
    [InlineData(3145728, 3, 0, 0)]
    public void Allocate_PlentyOfMemory_ChunksFallFromLargeToSmall(ulong length, int large, int middle, int small)
    {
        using var test = new TestGuest();

        BufferStat stat = test.Stat(test.Allocate(TestGuest.Private, length));

        Assert.Equal(Expected(large, middle, small), stat.Chunks.Select(c => c.Bytes));
    }

    [Theory]
    [Statement("S-VEC-10", "S-SYS-03", "S-UNV-55")]
    [InlineData(3145728, 2, 0, 1, 32, 0)]
    [InlineData(3145728, 1, 0, 0, 48, 0)]
    [InlineData(1048576, 1, 1, 0, 0, 256)]
    [InlineData(1114112, 1, 3, 0, 2, 240)]
    public void Allocate_FragmentedByPolicy_NeverGoesBackToLargerChunks(
        ulong length, ulong order8FailsFrom, ulong order4FailsFrom, int large, int middle, int small)
    {
        using var test = new TestGuest(shape: s => s with { Fragmentation = new FragmentationPolicy(order8FailsFrom, order4FailsFrom) });

        BufferStat stat = test.Stat(test.Allocate(TestGuest.Private, length));

        Assert.Equal(Expected(large, middle, small), stat.Chunks.Select(c => c.Bytes));
    }

    [Theory]
    [Statement("S-HEAP-48", "S-HEAP-46")]
    [InlineData(Platform.None, KernelVersion.V72, "system")]
    [InlineData(Platform.Sev, KernelVersion.V72, "system,system_cc_shared")]
    [InlineData(Platform.SevSnp, KernelVersion.V72, "system,system_cc_shared")]
    [InlineData(Platform.Tdx, KernelVersion.V72, "system,system_cc_shared")]
    [InlineData(Platform.Tdx, KernelVersion.SeedV1, "system")]
    [InlineData(Platform.SevEs, KernelVersion.V71, "system,system_cc_shared")]
    [InlineData(Platform.SevSnpVtom, KernelVersion.V72, "system,system_cc_shared")]
    [InlineData(Platform.SmeHost, KernelVersion.V72, "system,system_cc_shared")]
    [InlineData(Platform.CcaRealm, KernelVersion.V72, "system,system_cc_shared")]
    [InlineData(Platform.Pkvm, KernelVersion.V72, "system")]
    [InlineData(Platform.Pkvm, KernelVersion.V73, "system,system_cc_shared")]
    [InlineData(Platform.PowerSvm, KernelVersion.V71, "system,system_cc_shared")]
    [InlineData(Platform.S390, KernelVersion.V72, "system")]
    [InlineData(Platform.S390, KernelVersion.V73, "system,system_cc_shared")]
    [InlineData(Platform.S390, KernelVersion.V612, "system")]
    public void HeapNodes_ByPlatformAndKernel_AreThoseOfTheTable(Platform platform, KernelVersion kernel, string names)
    {
        using var test = new TestGuest(platform, kernel);

        Assert.Equal(names, string.Join(',', test.Guest.HeapNodes.Select(h => h.Name)));
    }

    [Theory]
    [Statement("S-HEAP-23", "S-HEAP-12", "S-HEAP-13")]
    [InlineData(0u, 2u, 0u, "len")]
    [InlineData(4096u, 0x800u, 0u, "fd_flags")]
    [InlineData(4096u, 2u, 1u, "heap_flags")]
    public void Allocate_WrongArgument_FailsWithEinvalAndNamesTheField(uint length, uint fdFlags, uint heapFlags, string field)
    {
        using var test = new TestGuest();

        Failure failure = test.TryAllocate(TestGuest.Private, length, fdFlags, heapFlags).Failure!;

        Assert.Equal((Errno.EINVAL, field), (failure.Errno, failure.Field));
    }

    [Fact]
    [Statement("S-HEAP-23")]
    public void Allocate_SeveralWrongArguments_ReportsTheFirstCheck()
    {
        using var test = new TestGuest();

        Assert.Equal("fd_flags", test.TryAllocate(TestGuest.Private, 0, 0x800, 7).Failure!.Field);
    }

    [Fact]
    [Statement("S-HEAP-23")]
    public void Allocate_LengthWhoseRoundingWraps_FailsWithEinval()
    {
        using var test = new TestGuest();

        Assert.Equal(Errno.EINVAL, test.TryAllocate(TestGuest.Private, ulong.MaxValue - 100).Failure!.Errno);
    }

    [Theory]
    [Statement("S-VEC-13", "S-HEAP-40", "S-HEAP-41")]
    [InlineData(Platform.None, 0, 1, Errno.EINVAL)]
    [InlineData(Platform.None, 4096, 1, Errno.EOPNOTSUPP)]
    [InlineData(Platform.None, 4096, 2, Errno.EINVAL)]
    [InlineData(Platform.SevSnp, 4096, 2, Errno.EINVAL)]
    public void Allocate_SeedFlag_FailsAsInTheSeries(Platform platform, ulong length, ulong heapFlags, Errno errno)
    {
        using var test = new TestGuest(platform, KernelVersion.SeedV1);

        Assert.Equal(errno, test.TryAllocate(TestGuest.Private, length, heapFlags: heapFlags).Failure!.Errno);
    }

    [Fact]
    [Statement("S-UP-01")]
    public void Allocate_SeedFlagInCocoGuest_GivesSharedMemoryOfHeapSystem()
    {
        using var test = new TestGuest(Platform.SevSnp, KernelVersion.SeedV1);

        BufferStat stat = test.Stat(test.TryAllocate(TestGuest.Private, 4096, heapFlags: 1).Value.Fd);

        Assert.Equal((true, "system"), (stat.Shared, stat.Exporter));
    }

    [Fact]
    public void Allocate_UnknownHeap_FailsWithEnoentAndNamesTheHeapsThere()
    {
        using var test = new TestGuest();

        Failure failure = test.TryAllocate("nosuch", 4096).Failure!;

        Assert.Equal((Errno.ENOENT, "heap"), (failure.Errno, failure.Field));
        Assert.Contains("system_cc_shared", failure.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    [Statement("S-HEAP-30")]
    public void Allocate_MoreThanThereIs_FailsWithEnomemAndGivesEverythingBack()
    {
        using var test = new TestGuest();
        MemoryCensus before = test.Snapshot().Memory;

        Assert.Equal(Errno.ENOMEM, test.TryAllocate(TestGuest.Private, 1UL << 60).Failure!.Errno);
        Assert.Equal(before, test.Snapshot().Memory);
    }

    [Fact]
    [Statement("S-SYS-26", "S-BUF-92", "S-BUF-91")]
    public void Release_LastReference_GivesAllFramesBackAsPrivate()
    {
        using var test = new TestGuest();
        MemoryCensus before = test.Snapshot().Memory;
        int fd = test.Allocate(TestGuest.Shared, 3 * M1 + K64 + K4);
        IReadOnlyList<Chunk> chunks = test.Stat(fd).Chunks;

        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));

        Assert.Equal(before, test.Snapshot().Memory);
        Assert.All(chunks, c => Assert.False(test.Guest.Pages.IsShared(c.Frame)));
    }

    [Theory]
    [Statement("S-SYS-09", "S-HEAP-31")]
    [InlineData(8u, Errno.None, 65536UL)]
    [InlineData(4u, Errno.None, 4096UL)]
    [InlineData(0u, Errno.ENOMEM, 0UL)]
    public void Allocate_OrderFails_FallsBackButForTheSmallest(uint minOrder, Errno errno, ulong largest)
    {
        using var test = new TestGuest();
        Assert.True(test.Guest.Faults.Inject(new FaultSpec(FaultPoint.FailPageAlloc) { MinOrder = minOrder }).Ok);

        Result<BufferHandle> result = test.TryAllocate(TestGuest.Private, M1);

        Assert.Equal(errno, result.Failure?.Errno ?? Errno.None);
        Assert.Equal(largest, result.Ok ? test.Stat(result.Value.Fd).Chunks.Max(c => c.Bytes) : 0);
    }

    [Fact]
    [Statement("S-SYS-09")]
    public void Allocate_OrderFails_SaysNothing()
    {
        using var test = new TestGuest();
        int lines = test.Snapshot().KernelLog.Count;
        Assert.True(test.Guest.Faults.Inject(new FaultSpec(FaultPoint.FailPageAlloc) { MinOrder = 4 }).Ok);

        test.Allocate(TestGuest.Private, M1);

        Assert.Equal(lines, test.Snapshot().KernelLog.Count);
    }

    [Theory]
    [Statement("S-HEAP-27")]
    [InlineData(4096UL, 0x800u, 0UL, "check fd_flags")]
    [InlineData(4096UL, 2u, 1UL, "check heap_flags")]
    [InlineData(0UL, 2u, 0UL, "check len")]
    public void Allocate_SameErrnoOfSeveralChecks_NamesTheStep(ulong length, uint fdFlags, ulong heapFlags, string step)
    {
        using var test = new TestGuest();

        Assert.Equal((Errno.EINVAL, step), (test.TryAllocate(TestGuest.Private, length, fdFlags, heapFlags).Failure!.Errno,
            test.TryAllocate(TestGuest.Private, length, fdFlags, heapFlags).Failure!.Step));
    }

    [Theory]
    [Statement("S-HEAP-28")]
    [InlineData(1UL, 4096UL)]
    [InlineData(4096UL, 4096UL)]
    [InlineData(4097UL, 8192UL)]
    public void Allocate_OddLength_GivesWholePages(ulong length, ulong size)
    {
        using var test = new TestGuest();
        BufferHandle handle = test.TryAllocate(TestGuest.Private, length).Value;

        Assert.Equal((size, size), (handle.Size, test.Stat(handle.Fd).Size));
    }

    [Fact]
    [Statement("S-BUF-02")]
    public void Allocate_AfterRelease_NeverReusesAnInodeNumber()
    {
        using var test = new TestGuest();
        BufferHandle first = test.TryAllocate(TestGuest.Private, K4).Value;
        Assert.Null(test.Guest.Buffers.Release(test.Init, first.Fd));
        BufferHandle second = test.TryAllocate(TestGuest.Shared, K4).Value;

        Assert.Equal((1UL, 2UL, first.Fd), (first.Inode, second.Inode, second.Fd));
    }

    [Theory]
    [Statement("S-BUF-71")]
    [InlineData("", true)]
    [InlineData("a b/c", true)]
    [InlineData("1234567890123456789012345678901", true)]
    [InlineData("12345678901234567890123456789012", false)]
    public void SetName_Length_FitsWithItsTerminatorOrChangesNothing(string name, bool fits)
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, K4);
        Assert.Null(test.Guest.Buffers.SetName(test.Init, fd, "old"));

        Assert.Equal(fits ? null : Errno.EINVAL, test.Guest.Buffers.SetName(test.Init, fd, name)?.Errno);

        Assert.Equal(fits ? name : "old", test.Stat(fd).Name);
    }

    [Fact]
    [Statement("S-BUF-71")]
    public void SetName_WhileAttached_Works()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, K4);
        Assert.True(test.AttachAndMap(fd).Mapping.Ok);

        Assert.Null(test.Guest.Buffers.SetName(test.Init, fd, "late"));
    }

    [Theory]
    [Statement("S-CMA-02")]
    [InlineData(4096UL)]
    [InlineData(0x111000UL)]
    public void Allocate_Cma_IsOneContiguousZeroedRange(ulong length)
    {
        using var test = new TestGuest(shape: s => s with { Cma = "64M" });
        int fd = test.Allocate("default_cma_region", length);
        IReadOnlyList<Chunk> chunks = test.Stat(fd).Chunks;

        Assert.All(chunks.Zip(chunks.Skip(1)), pair => Assert.Equal(pair.First.Address + pair.First.Bytes, pair.Second.Address));
        Assert.Equal(new byte[4096], test.Load(test.Map(fd), 4096));
    }

    [Fact]
    [Statement("S-CMA-02")]
    public void Allocate_CmaMoreThanTheArea_FailsWithEnomem()
    {
        using var test = new TestGuest(shape: s => s with { Cma = "64M" });

        Assert.Equal(Errno.ENOMEM, test.TryAllocate("default_cma_region", (64UL << 20) + 1).Failure!.Errno);
    }

    [Fact]
    [Statement("S-CMA-05", "S-HEAP-41")]
    public void Allocate_CmaInACocoGuest_IsPrivateWhateverTheKernel()
    {
        using var test = new TestGuest(kernel: KernelVersion.SeedV1, shape: s => s with { Cma = "64M" });

        Assert.Equal(Errno.EINVAL, test.TryAllocate("default_cma_region", K4, heapFlags: 1).Failure!.Errno);
        Assert.False(test.Stat(test.Allocate("default_cma_region", K4)).Shared);
    }

    [Theory]
    [Statement("S-CMA-08")]
    [InlineData(KernelVersion.V612, "reserved")]
    [InlineData(KernelVersion.V72, "default_cma_region")]
    [InlineData(KernelVersion.V73, "default_cma_region")]
    public void HeapNodes_WithCma_HaveTheDefaultHeapUnderItsName(KernelVersion kernel, string name)
    {
        using var test = new TestGuest(Platform.None, kernel, s => s with { Cma = "64M" });

        Assert.Equal(["system", name], test.Guest.HeapNodes.Select(h => h.Name));
    }

    [Theory]
    [Statement("S-HEAP-12")]
    [InlineData(0u, true)]
    [InlineData(1u, true)]
    [InlineData(2u, true)]
    [InlineData(3u, true)]
    [InlineData(0x80002u, true)]
    [InlineData(0x802u, false)]
    [InlineData(0x402u, false)]
    [InlineData(0x80000000u, false)]
    [InlineData(4u, false)]
    public void Allocate_FdFlags_AreTheAccessModeAndCloexec(uint fdFlags, bool fine)
    {
        using var test = new TestGuest();

        Assert.Equal(fine ? null : Errno.EINVAL, test.TryAllocate(TestGuest.Private, K4, fdFlags).Failure?.Errno);
    }

    [Theory]
    [Statement("S-HEAP-13", "S-UP-09")]
    [InlineData(KernelVersion.V612)]
    [InlineData(KernelVersion.V619)]
    [InlineData(KernelVersion.V71)]
    [InlineData(KernelVersion.V72)]
    [InlineData(KernelVersion.V73)]
    public void Allocate_AnyHeapFlagButInTheSeed_IsEinval(KernelVersion kernel)
    {
        using var test = new TestGuest(kernel: kernel);

        Assert.All(Enumerable.Range(0, 64), bit =>
            Assert.Equal((Errno.EINVAL, "heap_flags"), Blame(test.TryAllocate(TestGuest.Private, K4, heapFlags: 1UL << bit).Failure!)));
    }

    [Fact]
    [Statement("S-SYS-06")]
    public void Allocate_NoMemoryForTheTable_FailsWithEnomemAndConvertsNothing()
    {
        using var test = new TestGuest();
        GuestSnapshot before = test.Snapshot();
        Assert.True(test.Guest.Faults.Inject(new FaultSpec(FaultPoint.Failslab) { Interval = 2, Times = 1 }).Ok);

        Assert.Equal(Errno.ENOMEM, test.TryAllocate(TestGuest.Shared, K4).Failure!.Errno);

        Assert.Equal((before.Memory, before.Conversions), (test.Snapshot().Memory, test.Snapshot().Conversions));
    }

    private static (Errno Errno, string? Field) Blame(Failure failure) => (failure.Errno, failure.Field);

    private static IEnumerable<ulong> Expected(int large, int middle, int small) =>
        [.. Enumerable.Repeat(M1, large), .. Enumerable.Repeat(K64, middle), .. Enumerable.Repeat(K4, small)];
}
