using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Guests;

/// <summary>
/// Conversion of shared buffers chunk by chunk, and what a failing one leaves (S-SYS-20 to 29). Sizes: 0x3000 is 3 chunks of 4 KiB.
/// </summary>
public sealed class SharedHeapTests
{
    private const ulong ThreeChunks = 0x3000;
    private const string Decrypt = "dma-buf system heap: failed to decrypt page at ";
    private const string Encrypt = "dma-buf system heap: failed to re-encrypt page at ";

    [Theory]
    [Statement("S-SYS-20", "S-REC-58")]
    [InlineData(KernelVersion.SeedV1, ThreeChunks, 3UL)]
    [InlineData(KernelVersion.V72, ThreeChunks, 3UL)]
    [InlineData(KernelVersion.V72, 0x10000UL, 1UL)]
    [InlineData(KernelVersion.V73, 0x111000UL, 3UL)]
    public void Allocate_SharedBuffer_ConvertsEachChunkInOneCall(KernelVersion kernel, ulong length, ulong calls)
    {
        using var test = new TestGuest(kernel: kernel);
        ConversionCounters before = test.Snapshot().Conversions;

        AllocateShared(test, length);

        ConversionCounters after = test.Snapshot().Conversions;
        Assert.Equal(
            (calls, length >> 12),
            (after.ConversionsToShared - before.ConversionsToShared, after.PagesToShared - before.PagesToShared));
    }

    [Fact]
    [Statement("S-SYS-21")]
    public void Allocate_SecondDecryptFails_StopsThereWithItsErrno()
    {
        using var test = new TestGuest(Platform.Sev);
        ConversionCounters before = test.Snapshot().Conversions;
        Arm(test, new FaultSpec(FaultPoint.FailDecrypt) { Interval = 2, Errno = Errno.EIO });

        Assert.Equal(Errno.EIO, test.TryAllocate(TestGuest.Shared, ThreeChunks).Failure!.Errno);

        Assert.Equal(1UL, test.Snapshot().Conversions.PagesToShared - before.PagesToShared);
        Assert.Single(test.Snapshot().KernelLog, l => l.StartsWith(Decrypt, StringComparison.Ordinal));
    }

    [Fact]
    [Statement("S-SYS-22")]
    public void Allocate_LastDecryptFails_MakesNoBuffer()
    {
        using var test = new TestGuest(Platform.Sev);
        GuestSnapshot before = test.Snapshot();
        Arm(test, new FaultSpec(FaultPoint.FailDecrypt) { Interval = 3 });

        Assert.False(test.TryAllocate(TestGuest.Shared, ThreeChunks).Ok);

        Assert.Equal((before.Objects, before.Memory), (test.Snapshot().Objects, test.Snapshot().Memory));
    }

    [Fact]
    [Statement("S-SYS-23")]
    public void Allocate_SecondDecryptFails_ReencryptsAllChunksAlsoThoseNeverConverted()
    {
        using var test = new TestGuest(Platform.Sev);
        ulong before = test.Snapshot().Conversions.ConversionsToPrivate;
        Arm(test, new FaultSpec(FaultPoint.FailDecrypt) { Interval = 2, Times = 1 });

        Assert.False(test.TryAllocate(TestGuest.Shared, ThreeChunks).Ok);

        Assert.Equal(3UL, test.Snapshot().Conversions.ConversionsToPrivate - before);
    }

    [Fact]
    [Statement("S-SYS-23", "S-SYS-29", "S-SETM-24")]
    public void Allocate_CleanUpFailsForOneChunk_LeaksThatChunkOnly()
    {
        using var test = new TestGuest(Platform.Sev);
        ulong free = test.Snapshot().Memory.Free;
        Arm(test, new FaultSpec(FaultPoint.FailDecrypt) { Interval = 2, Times = 1 });
        Arm(test, new FaultSpec(FaultPoint.FailEncrypt) { Times = 1 });

        Assert.False(test.TryAllocate(TestGuest.Shared, ThreeChunks).Ok);

        Assert.Equal((4096UL, free - 4096), (test.Snapshot().Memory.Leaked, test.Snapshot().Memory.Free));
        string line = Assert.Single(test.Snapshot().KernelLog, l => l.StartsWith(Encrypt, StringComparison.Ordinal));
        Assert.EndsWith(", leaking memory", line, StringComparison.Ordinal);
    }

    [Fact]
    [Statement("S-SYS-23")]
    public void Allocate_ExportFails_ReencryptsAndFreesEverything()
    {
        using var test = new TestGuest();
        GuestSnapshot before = test.Snapshot();
        Arm(test, new FaultSpec(FaultPoint.FailFd));

        Assert.Equal(Errno.EMFILE, test.TryAllocate(TestGuest.Shared, ThreeChunks).Failure!.Errno);

        Assert.Equal((before.Objects, before.Memory), (test.Snapshot().Objects, test.Snapshot().Memory));
        Assert.Equal(3UL, test.Snapshot().Conversions.ConversionsToPrivate - before.Conversions.ConversionsToPrivate);
    }

    [Fact]
    [Statement("S-SYS-26", "S-SYS-29")]
    public void Release_ReencryptFailsForOneChunk_LeaksItAndFreesTheOthers()
    {
        using var test = new TestGuest();
        ulong free = test.Snapshot().Memory.Free;
        int fd = AllocateShared(test, ThreeChunks);
        IReadOnlyList<Chunk> chunks = test.Stat(fd).Chunks;
        Arm(test, new FaultSpec(FaultPoint.FailEncrypt) { Interval = 2, Times = 1 });

        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));

        Assert.Equal((4096UL, free - 4096), (test.Snapshot().Memory.Leaked, test.Snapshot().Memory.Free));
        Assert.Equal([false, true, false], chunks.Select(c => test.Guest.Pages.IsShared(c.Frame)));
    }

    [Fact]
    [Statement("S-SYS-29")]
    public void Allocate_AfterALeak_NeverGetsTheLeakedChunk()
    {
        using var test = new TestGuest(shape: s => s with { MemoryBytes = 128UL << 20 });
        int fd = AllocateShared(test, 4096);
        ulong leaked = test.Stat(fd).Chunks[0].Frame;
        Arm(test, new FaultSpec(FaultPoint.FailEncrypt));
        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));
        test.Guest.Faults.ClearAll();

        int all = test.Allocate(TestGuest.Private, test.Snapshot().Memory.Free);

        Assert.DoesNotContain(test.Stat(all).Chunks, c => c.Frame <= leaked && leaked < c.Frame + (1UL << c.Order));
        Assert.Equal((0UL, 4096UL), (test.Snapshot().Memory.Free, test.Snapshot().Memory.Leaked));
    }

    [Theory]
    [Statement("S-SYS-28")]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    public void Allocate_FramesThatWereShared_AreZeroInThePrivateView(Platform platform)
    {
        using var test = new TestGuest(platform);
        int shared = AllocateShared(test, 4096);
        ulong address = test.Map(shared);
        test.Store(address, "left behind"u8);
        ulong frame = test.Stat(shared).Chunks[0].Frame;
        Assert.Null(test.Guest.Mappings.Munmap(test.Init, address));
        Assert.Null(test.Guest.Buffers.Release(test.Init, shared));

        int next = test.Allocate(TestGuest.Private, 4096);

        Assert.Equal(frame, test.Stat(next).Chunks[0].Frame);
        Assert.Equal(new byte[11], test.Load(test.Map(next), 11));
    }

    [Fact]
    [Statement("S-REC-57", "S-SYS-08")]
    public void Stat_SharedBufferAndItsTwin_DifferInExporterOnly()
    {
        using var test = new TestGuest();
        string twin = test.Stat(test.Allocate(TestGuest.Private, 0x11000)).FdInfo;
        string shared = test.Stat(test.Allocate(TestGuest.Shared, 0x11000)).FdInfo;

        Assert.Equal(twin.Replace("exp_name:\tsystem\n", "exp_name:\tsystem_cc_shared\n", StringComparison.Ordinal), shared);
    }

    private static int AllocateShared(TestGuest test, ulong length) =>
        test.Guest.Shape.Kernel == KernelVersion.SeedV1
            ? test.TryAllocate(TestGuest.Private, length, heapFlags: 1).Value.Fd
            : test.Allocate(TestGuest.Shared, length);

    private static void Arm(TestGuest test, FaultSpec spec) => Assert.Null(test.Guest.Faults.Inject(spec).Failure);
}
