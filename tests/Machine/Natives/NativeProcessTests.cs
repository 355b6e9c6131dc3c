using System.Text;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Natives;
using CocoGuest.Tests.Machine.Guests;
using CocoGuest.Tests.Machine.Properties;

namespace CocoGuest.Tests.Machine.Natives;

/// <summary>Processes of the host in the guest: numbers, references, mirrors.</summary>
public sealed class NativeProcessTests
{
    private const MapProtection Both = MapProtection.Read | MapProtection.Write;
    private const ulong At = 0x7ffffff00000;

    [Fact]
    public void Open_FdFloor_IsTheFirstNumberAndTheLowestFreeFromThere()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();

        int first = test.Guest.Make(process, TestGuest.Shared).Fd;
        int second = test.Guest.Make(process, TestGuest.Shared).Fd;
        Assert.Null(test.Guest.Natives.Unplace(process, first));

        Assert.Equal((NativeGuest.Floor, NativeGuest.Floor + 1), (first, second));
        Assert.Equal(NativeGuest.Floor, test.Guest.Make(process, TestGuest.Shared).Fd);
    }

    [Fact]
    public void Open_AllNumbersTaken_IsEmfile()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.Natives.Open("native", 0, 0, 64, 65).Value;
        test.Guest.Make(process, TestGuest.Shared);

        Assert.Equal(Errno.EMFILE, test.Guest.Heaps.Allocate(process, TestGuest.Shared, 4096, 2, 0).Failure!.Errno);
    }

    [Theory]
    [InlineData(-1, 64)]
    [InlineData(64, 64)]
    [InlineData(64, (1 << 20) + 1)]
    public void Open_NoRange_IsEinval(int floor, int limit)
    {
        using var test = new TestGuest();

        Assert.Equal(Errno.EINVAL, test.Guest.Natives.Open("native", 0, 0, floor, limit).Failure!.Errno);
    }

    [Fact]
    public void Place_BelowTheFloor_IsFoundAndGivenToNobodyAfterwards()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        (int fd, NativeFile file) = test.Guest.Make(process, TestGuest.Shared);

        Assert.Null(test.Guest.Natives.Place(process, 5, file, closeOnExec: false));
        Assert.Equal(file.Inode, test.Guest.Files.Fstat(process, 5).Value.Inode);
        Assert.Null(test.Guest.Natives.Unplace(process, 5));

        Assert.Equal(Errno.EBADF, test.Guest.Files.Fstat(process, 5).Failure!.Errno);
        Assert.Equal(fd + 1, test.Guest.Make(process, TestGuest.Shared).Fd);
    }

    [Fact]
    [Statement("S-BUF-105", "S-BUF-101", "S-BUF-90")]
    public void Adopt_Once_AddsNothingToWhatIsShown()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        (int fd, NativeFile file) = test.Guest.Make(process, TestGuest.Shared);

        Assert.Same(file, test.Guest.Natives.Adopt(process, fd).Value);
        Assert.Equal(1UL, CountOf(test, process, fd));
        Assert.Null(test.Guest.Natives.Place(process, fd + 1, file, closeOnExec: true));
        Assert.Null(test.Guest.Natives.SetMappings(process, [Mapping(file)]));

        Assert.Equal(3UL, CountOf(test, process, fd));
        Audit.Check(test.Guest);
    }

    [Fact]
    [Statement("S-BUF-101", "S-BUF-90")]
    public void BufInfo_FileInNoMirror_CountsOne()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        (int fd, NativeFile file) = test.Guest.Make(process, TestGuest.Shared);

        Assert.Null(test.Guest.Natives.Unplace(process, fd));

        Assert.False(file.Closed);
        string text = Encoding.Latin1.GetString(test.Guest.Tree.ReadText(test.Init, "/sys/kernel/debug/dma_buf/bufinfo").Value);
        Assert.Contains("\t00000001\tsystem", text, StringComparison.Ordinal);
        Audit.Check(test.Guest);
    }

    [Fact]
    [Statement("S-BUF-90", "S-BUF-91")]
    public void Closed_NoOtherHolder_ReleasesTheBuffer()
    {
        using var test = new TestGuest();
        ulong free = test.Snapshot().Memory.Free;
        GuestProcess process = test.Guest.OpenNative();
        (int fd, NativeFile file) = test.Guest.Make(process, TestGuest.Shared);
        Assert.Null(test.Guest.Natives.SetMappings(process, [Mapping(file)]));

        test.Guest.Natives.Closed(file);
        test.Guest.Natives.Closed(file);

        Assert.True(file.Closed);
        Assert.Equal((0, free), (test.Snapshot().Objects.Buffers, test.Snapshot().Memory.Free));
        Assert.Equal(Errno.EBADF, test.Guest.Natives.Place(process, fd, file, closeOnExec: false)!.Errno);
        Audit.Check(test.Guest);
    }

    [Fact]
    [Statement("S-BUF-92", "S-BUF-42")]
    public void Closed_ImporterStillAttached_KeepsTheBufferUntilDetach()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        (int fd, NativeFile file) = test.Guest.Make(process, TestGuest.Shared);
        Handle128 token = test.Guest.Buffers.Export(process, fd, null, TimeSpan.Zero).Value;
        int imported = test.Guest.Buffers.Import(test.Init, token).Value.Fd;
        ulong attachment = test.Guest.Importers.Attach(test.Init, imported, "").Value.Attachment;
        Assert.Null(test.Guest.Buffers.Release(test.Init, imported));

        test.Guest.Natives.Closed(file);
        Assert.Equal(1, test.Snapshot().Objects.Buffers);
        Audit.Check(test.Guest);
        Assert.Null(test.Guest.Importers.Detach(test.Init, attachment));

        Assert.Equal(0, test.Snapshot().Objects.Buffers);
    }

    [Fact]
    [Statement("S-BUF-90")]
    public void Closed_OtherProcessHasAnFd_IsAdoptedAnewByTheNextOne()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        (int fd, NativeFile file) = test.Guest.Make(process, TestGuest.Shared);
        Handle128 token = test.Guest.Buffers.Export(process, fd, null, TimeSpan.Zero).Value;
        int kept = test.Guest.Buffers.Import(test.Init, token).Value.Fd;

        test.Guest.Natives.Closed(file);
        Assert.Equal(1UL, test.Stat(kept).Count);
        Handle128 back = test.Guest.Buffers.Export(test.Init, kept, null, TimeSpan.Zero).Value;
        NativeFile again = test.Guest.Natives.Adopt(process, test.Guest.Buffers.Import(process, back).Value.Fd).Value;

        Assert.NotSame(file, again);
        Assert.Equal((file.Inode, false), (again.Inode, again.Closed));
        Audit.Check(test.Guest);
    }

    [Fact]
    [Statement("S-BUF-90")]
    public void End_OfTheOnlyProcess_LeavesTheHostsReference()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        NativeFile file = test.Guest.Make(process, TestGuest.Shared).File;

        Assert.Null(test.Guest.Processes.End(process));
        Assert.Equal((1, false), (test.Snapshot().Objects.Buffers, file.Closed));
        Audit.Check(test.Guest);
        test.Guest.Natives.Closed(file);

        Assert.Equal(0, test.Snapshot().Objects.Buffers);
    }

    [Fact]
    public void PlantedReference_NextToTheHosts_IsCaughtByTheAudit()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        NativeFile file = test.Guest.Make(process, TestGuest.Shared).File;
        Audit.Check(test.Guest);

        file.File.References++;

        Assert.Throws<Violation>(() => Audit.Check(test.Guest));
    }

    [Fact]
    public void SetMappings_SameAgain_TakesNoFurtherReference()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        (int fd, NativeFile file) = test.Guest.Make(process, TestGuest.Shared);

        Assert.Null(test.Guest.Natives.SetMappings(process, [Mapping(file), Mapping(file) with { Start = At - 0x10000 }]));
        Assert.Null(test.Guest.Natives.SetMappings(process, [Mapping(file)]));
        Assert.Null(test.Guest.Natives.SetMappings(process, [Mapping(file)]));

        Assert.Equal(2UL, CountOf(test, process, fd));
        Assert.Equal(1, test.Snapshot().Objects.Mappings);
        Audit.Check(test.Guest);
    }

    [Fact]
    public void SetMappings_AboveTheMachinesOwnRange_LeavesRoomForMmap()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        (int fd, NativeFile file) = test.Guest.Make(process, TestGuest.Shared);
        Assert.Null(test.Guest.Natives.SetMappings(process, [Mapping(file)]));

        ulong address = test.Guest.Mappings.Mmap(process, fd, 0, null, null, MapFlags.Shared).Value.Address;

        Assert.Equal((1UL << 47) - 8192, address);
    }

    [Theory]
    [InlineData(At + 1, 4096UL)]
    [InlineData(At, 0UL)]
    [InlineData(At, 4095UL)]
    [InlineData(1UL << 47, 4096UL)]
    [InlineData(At, 1UL << 47)]
    public void SetMappings_NoRange_IsEinvalAndChangesNothing(ulong start, ulong length)
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        (int fd, NativeFile file) = test.Guest.Make(process, TestGuest.Shared);
        Assert.Null(test.Guest.Natives.SetMappings(process, [Mapping(file)]));

        Failure? failure = test.Guest.Natives.SetMappings(process, [Mapping(file) with { Start = start, Length = length }]);

        Assert.Equal(Errno.EINVAL, failure!.Errno);
        Assert.Equal(2UL, CountOf(test, process, fd));
    }

    [Fact]
    public void SetMappings_TwoAtOnePlace_IsEinval()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        NativeFile file = test.Guest.Make(process, TestGuest.Shared).File;

        Assert.Equal(
            Errno.EINVAL,
            test.Guest.Natives.SetMappings(process, [Mapping(file), Mapping(file) with { Start = At + 4096 }])!.Errno);
    }

    [Theory]
    [Statement("S-BUF-30", "S-BUF-31", "S-TRC-62")]
    [InlineData(0UL, 8192UL, Both, MapFlags.Shared, null, true)]
    [InlineData(0UL, 8192UL, Both, MapFlags.Shared | MapFlags.Fixed, null, true)]
    [InlineData(0UL, 8192UL, Both, MapFlags.Shared | (MapFlags)0x8000, null, true)]
    [InlineData(0UL, 8192UL, Both, MapFlags.SharedValidate | (MapFlags)0x8000, null, true)]
    [InlineData(0UL, 8192UL, Both, MapFlags.SharedValidate | (MapFlags)0x80000, Errno.EOPNOTSUPP, false)]
    [InlineData(0UL, 8192UL, Both, MapFlags.None, Errno.EINVAL, false)]
    [InlineData(4096UL, 8192UL, Both, MapFlags.Shared, Errno.EINVAL, false)]
    [InlineData(1UL, 4096UL, Both, MapFlags.Shared, Errno.EINVAL, false)]
    public void CheckMmap_Call_AnswersAndTracesAsMmapDoes(
        ulong offset, ulong length, MapProtection protection, MapFlags flags, Errno? errno, bool traced)
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        int fd = test.Guest.Make(process, TestGuest.Shared).Fd;
        Assert.Null(test.Guest.Trace.Set("dma_buf:dma_buf_mmap_internal", on: true));

        Assert.Equal(errno, test.Guest.Natives.CheckMmap(process, fd, offset, length, protection, flags)?.Errno);

        Assert.Equal(traced ? 1 : 0, test.Guest.Trace.Read(0, 10, out _).Count);
        Assert.Equal(0, test.Snapshot().Objects.Mappings);
    }

    [Fact]
    [Statement("S-BUF-30")]
    public void CheckMmap_WritableOfAReadOnlyBuffer_IsEacces()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        (int fd, NativeFile file) = test.Guest.Make(process, TestGuest.Shared, fdFlags: 0);

        Assert.Equal(AccessMode.ReadOnly, file.Access);
        Assert.Equal(Errno.EACCES, test.Guest.Natives.CheckMmap(process, fd, 0, 4096, Both, MapFlags.Shared)!.Errno);
    }

    [Fact]
    public void Adopt_Kinds_AreTold()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();

        FileKind[] kinds =
        [
            KindOf(test.Guest.Make(process, TestGuest.Shared).Fd),
            KindOf(test.Guest.Tree.Open(process, "/dev/dma_heap/system", 0).Value),
            KindOf(test.Guest.Udmabufs.Open(process).Value),
            KindOf(test.Guest.Drm.Open(process, "vgem").Value),
            KindOf(test.Guest.Memfds.Create(process, allowSealing: true).Value),
            KindOf(test.Guest.Fences.CreateTimeline(process, "line").Value),
        ];

        Assert.Equal(
            [
                FileKind.DmaBuf, FileKind.HeapNode, FileKind.UdmabufNode, FileKind.DrmNode, FileKind.Memfd,
                FileKind.Timeline,
            ],
            kinds);
        FileKind KindOf(int fd) => test.Guest.Natives.Adopt(process, fd).Value.Kind;
    }

    [Fact]
    public void WhenReady_FenceThatWaits_CallsBackOnceBeforeTheSignalIsOver()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        int timeline = test.Guest.Fences.CreateTimeline(process, "line").Value;
        NativeFile file = test.Guest.Natives.Adopt(process, test.Guest.Fences.CreateFence(process, timeline, 1).Value).Value;
        var ready = new List<bool>();

        test.Guest.Natives.WhenReady(file, () => ready.Add(test.Guest.Core.Gate.IsHeld));
        Assert.Empty(ready);
        Assert.Null(test.Guest.Fences.Advance(process, timeline, 1));

        Assert.Equal([true], ready);
    }

    [Fact]
    public void WhenReady_FenceThatSignalled_CallsBackAtOnce()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        int timeline = test.Guest.Fences.CreateTimeline(process, "line").Value;
        NativeFile file = test.Guest.Natives.Adopt(process, test.Guest.Fences.CreateFence(process, timeline, 1).Value).Value;
        Assert.Null(test.Guest.Fences.Advance(process, timeline, 1));
        int calls = 0;

        test.Guest.Natives.WhenReady(file, () => calls++);

        Assert.Equal(1, calls);
    }

    [Fact]
    public void Refreshing_BeforeTextsAndCounts_IsInvokedOnceOutsideTheLock()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        int fd = test.Guest.Make(process, TestGuest.Shared).Fd;
        var held = new List<bool>();
        test.Guest.Natives.Refreshing = () => held.Add(test.Guest.Core.Gate.IsHeld);

        Assert.True(test.Guest.Tree.ReadText(process, "/sys/kernel/debug/dma_buf/bufinfo").Ok);
        Assert.True(test.Guest.Tree.ReadText(process, $"/proc/self/fdinfo/{fd}").Ok);
        Assert.True(test.Guest.Files.FdInfo(process, fd).Ok);
        Assert.True(test.Guest.Buffers.Stat(process, fd).Ok);
        test.Snapshot();

        Assert.Equal([false, false, false, false, false], held);
    }

    [Fact]
    public void Dispose_GuestWithNativeFiles_ClosesThemAndEmptiesTheirMemory()
    {
        var test = new TestGuest();
        NativeFile file = test.Guest.Make(test.Guest.OpenNative(), TestGuest.Private).File;
        using FileStream memory = test.Guest.OpenFile(file);
        memory.Write("secret"u8);

        test.Dispose();

        Assert.True(file.Closed);
        Assert.Equal(new byte[6], memory.Read(6));
    }

    [Fact]
    [Statement("S-BUF-38", "S-BUF-40")]
    public void Find_NumberOfAHostsFile_IsOpenAndNoDmaBuf()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        int card = test.Guest.Drm.Open(process, "vgem").Value;
        test.Guest.Files.NativeFds = new HostFds(0, 7);

        Errno ImportOf(int fd) => test.Guest.Drm.FdToHandle(process, card, fd).Failure!.Errno;

        Assert.Equal(
            [Errno.EINVAL, Errno.EINVAL, Errno.EBADF, Errno.EBADF, Errno.EINVAL],
            [ImportOf(0), ImportOf(7), ImportOf(1), ImportOf(-1), ImportOf(card)]);
        Assert.Equal(Errno.ENOTTY, test.Guest.Fences.Info(process, 7).Failure!.Errno);
        Assert.Equal(Errno.EINVAL, test.Guest.Importers.Attach(process, 7, "").Failure!.Errno);
        test.Guest.Files.NativeFds = null;
        Assert.Equal(Errno.EBADF, ImportOf(7));
    }

    [Fact]
    [Statement("S-BUF-88")]
    public void Block_NumbersOfHostsFiles_AreGivenToNobodyUntilTheyAreFree()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        int next = NativeGuest.Floor;
        Assert.Null(test.Guest.Natives.Block(process, [next, next + 2, NativeGuest.Limit - 1]));

        Assert.Equal(next + 1, test.Guest.Make(process, TestGuest.Shared).Fd);
        Assert.Equal(next + 3, test.Guest.Make(process, TestGuest.Shared).Fd);
        Assert.Null(test.Guest.Natives.Block(process, [next]));
        Assert.Equal(next + 2, test.Guest.Make(process, TestGuest.Shared).Fd);
        while (test.Guest.Drm.Open(process, "vgem").Ok)
        {
        }

        // All but the one that is blocked.
        Assert.Equal(NativeGuest.Limit - NativeGuest.Floor - 1, test.Guest.Natives.FdsOf(process).Count);
        Assert.Equal(Errno.EMFILE, test.Guest.Drm.Open(process, "vgem").Failure!.Errno);
        Assert.Null(test.Guest.Natives.Block(process, []));
        Assert.Equal(next, test.Guest.Drm.Open(process, "vgem").Value);
    }

    [Fact]
    [Statement("S-BUF-88")]
    public void Block_NumberThatGetsAFileAfterAll_StaysBlockedWhenThatIsGone()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        (int fd, NativeFile file) = test.Guest.Make(process, TestGuest.Shared);
        Assert.Null(test.Guest.Natives.Block(process, [fd + 1]));

        Assert.Null(test.Guest.Natives.Place(process, fd + 1, file, closeOnExec: false));
        Assert.Null(test.Guest.Natives.Unplace(process, fd + 1));

        Assert.Equal(fd + 2, test.Guest.Make(process, TestGuest.Shared).Fd);
    }

    private static NativeMapping Mapping(NativeFile file) => new(At, 8192, file, 0, Both, IsPrivate: false);

    // bufinfo, fdinfo and stat agree.
    private static ulong CountOf(TestGuest test, GuestProcess process, int fd)
    {
        BufferStat stat = test.Guest.Buffers.Stat(process, fd).Value;
        string lines = Encoding.Latin1.GetString(test.Guest.Files.FdInfo(process, fd).Value);
        Assert.Contains($"count:\t{stat.Count}\n", lines, StringComparison.Ordinal);
        string text = Encoding.Latin1.GetString(test.Guest.Tree.ReadText(test.Init, "/sys/kernel/debug/dma_buf/bufinfo").Value);
        Assert.Contains($"\t{stat.Count:d8}\tsystem", text, StringComparison.Ordinal);
        return stat.Count;
    }

    private sealed class HostFds(params int[] open) : INativeFds
    {
        public bool IsOpen(GuestProcess process, int fd) => open.Contains(fd);
    }
}
