using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Fences;

public sealed class SyncFileTests
{
    [Theory]
    [Statement("S-BUF-73")]
    [InlineData(0u)]
    [InlineData(4u)]
    [InlineData(7u)]
    [InlineData(0x80000003u)]
    public void ExportAndImport_WrongFlags_FailWithEinvalBeforeTheSyncFd(uint flags)
    {
        using var test = new FenceGuest();

        Assert.Equal((Errno.EINVAL, "flags"), Told(test.Guest.Buffers.ExportSyncFile(test.Init, test.Buffer, flags).Failure));
        Assert.Equal((Errno.EINVAL, "flags"), Told(test.Guest.Buffers.ImportSyncFile(test.Init, test.Buffer, flags, -1)));
    }

    [Theory]
    [Statement("S-BUF-74", "S-RESV-02")]
    [InlineData(FenceGuest.Read, FenceGuest.Read, 1)]
    [InlineData(FenceGuest.Read, FenceGuest.Write, 0)]
    [InlineData(FenceGuest.Read, FenceGuest.ReadWrite, 0)]
    [InlineData(FenceGuest.Write, FenceGuest.Read, 0)]
    [InlineData(FenceGuest.Write, FenceGuest.Write, 0)]
    public void Export_OneFence_CollectsWhatTheCallerWouldWaitFor(uint imported, uint exported, int status)
    {
        using var test = new FenceGuest();
        test.AddFence(imported);

        int fd = test.Guest.Buffers.ExportSyncFile(test.Init, test.Buffer, exported).Value;

        Assert.Equal((status, true), (test.Info(fd).Status, test.Init.Fds.IsCloseOnExec(fd)));
    }

    [Theory]
    [Statement("S-BUF-74", "S-REC-52")]
    [InlineData(KernelVersion.V612, "stub", "stub")]
    [InlineData(KernelVersion.V72, "signaled-timeline", "detached-driver")]
    public void Export_WithoutFences_IsASignalledStub(KernelVersion kernel, string timeline, string driver)
    {
        using var test = new FenceGuest(kernel);

        SyncFileInfo info = test.Info(test.Guest.Buffers.ExportSyncFile(test.Init, test.Buffer, FenceGuest.ReadWrite).Value);

        Assert.Equal((1, timeline, driver, 1), (info.Status, info.Fences[0].Timeline, info.Fences[0].Driver, info.Fences.Count));
    }

    [Fact]
    [Statement("S-BUF-74")]
    public void Export_TwoContexts_HoldsBothUntilBothSignal()
    {
        using var test = new FenceGuest();
        test.AddFence(FenceGuest.Write);
        int second = test.Room.CreateTimeline(test.Init, "second").Value;
        Assert.Null(test.Guest.Buffers.ImportSyncFile(
            test.Init, test.Buffer, FenceGuest.Read, test.Room.CreateFence(test.Init, second, 1).Value));

        int fd = test.Guest.Buffers.ExportSyncFile(test.Init, test.Buffer, FenceGuest.Write).Value;
        test.Signal();

        Assert.Equal((0, 2), (test.Info(fd).Status, test.Info(fd).Fences.Count));
        Assert.Null(test.Room.Advance(test.Init, second, 1));
        Assert.Equal(1, test.Info(fd).Status);
    }

    [Theory]
    [Statement("S-BUF-74", "S-BUF-75", "S-RESV-03")]
    [InlineData(FenceGuest.Read, FenceGuest.Write, FenceGuest.ReadWrite, 2)]
    [InlineData(FenceGuest.Write, FenceGuest.Read, FenceGuest.ReadWrite, 2)]
    [InlineData(FenceGuest.Read, FenceGuest.Read, FenceGuest.ReadWrite, 2)]
    [InlineData(FenceGuest.Write, FenceGuest.Write, FenceGuest.Write, 2)]
    [InlineData(FenceGuest.Write, FenceGuest.ReadWrite, FenceGuest.Read, 2)]
    [InlineData(FenceGuest.Read, FenceGuest.Write, FenceGuest.Read, 1)]
    public void Import_OfTwoTimelines_KeepsBothWhateverTheirUsage(uint first, uint second, uint exported, int fences)
    {
        using var test = new FenceGuest();
        test.AddFence(first);
        int other = test.Room.CreateTimeline(test.Init, "second").Value;
        Assert.Null(test.Guest.Buffers.ImportSyncFile(
            test.Init, test.Buffer, second, test.Room.CreateFence(test.Init, other, 1).Value));

        int fd = test.Guest.Buffers.ExportSyncFile(test.Init, test.Buffer, exported).Value;

        Assert.Equal(fences, test.Info(fd).Fences.Count);
    }

    [Fact]
    [Statement("S-BUF-75")]
    public void Import_AnyFdThatIsNoSyncFile_IsEinval()
    {
        using var test = new FenceGuest();
        int closed = test.NewFence();
        Assert.Null(test.Guest.Files.Close(test.Init, closed));
        int[] wrong =
        [
            -1, 0, closed, int.MaxValue, int.MinValue, test.Buffer, test.Timeline, test.Guest.Drm.Open(test.Init, "vgem").Value,
            test.Guest.Memfds.Create(test.Init, allowSealing: true).Value,
            test.Guest.Tree.Open(test.Init, $"/proc/self/fd/{test.NewFence()}", OpenFlags.PathOnly).Value,
        ];

        Assert.All(wrong, fd => Assert.Equal(
            Errno.EINVAL, test.Guest.Buffers.ImportSyncFile(test.Init, test.Buffer, FenceGuest.Write, fd)?.Errno));
        Assert.Equal(0, test.Object(test.Buffer).Fences.Count);
    }

    [Theory]
    [Statement("S-BUF-89")]
    [InlineData(uint.MaxValue, 5u, 1)]
    [InlineData(uint.MaxValue, 0x7fffffffu, 1)]
    [InlineData(0x80000000u, 5u, 1)]
    [InlineData(0x80000000u, 0x7fffffffu, 1)]
    [InlineData(0xfffffffeu, 0x7ffffff0u, 1)]
    [InlineData(0x7fffffffu, 0x7fffffffu, 1)]
    [InlineData(0x7ffffffeu, 0x7fffffffu, 0)]
    [InlineData(4u, 5u, 0)]
    public void Advance_BySoMuch_GoesInStepsThatAreNeverSeenAsBackwards(uint by, uint value, int status)
    {
        using var test = new FenceGuest();
        int fence = test.Room.CreateFence(test.Init, test.Timeline, value).Value;

        test.Signal(by);

        Assert.Equal(status, test.Info(fence).Status);
    }

    [Fact]
    [Statement("S-BUF-89")]
    public void Advance_OfTheWholeRange_SignalsInOrderAndLeavesWhatIsBehind()
    {
        using var test = new FenceGuest();
        test.Signal(0x7fffffff);
        int[] fences = [.. new uint[] { 0x80000000, 0xfffffffe }
            .Select(value => test.Room.CreateFence(test.Init, test.Timeline, value).Value)];

        test.Signal(uint.MaxValue);

        Assert.Equal([1, 1], fences.Select(fd => test.Info(fd).Status));
        Assert.Equal(
            [1, 0],
            [.. new uint[] { 0x7ffffffe, 0x7fffffff }
                .Select(value => test.Info(test.Room.CreateFence(test.Init, test.Timeline, value).Value).Status)]);
    }

    [Fact]
    [Statement("S-BUF-75")]
    public void Import_FdThatIsNoSyncFile_FailsWithEinvalAndAddsNothing()
    {
        using var test = new FenceGuest();

        Assert.Equal(
            (Errno.EINVAL, "sync_fd"),
            Told(test.Guest.Buffers.ImportSyncFile(test.Init, test.Buffer, FenceGuest.Write, test.Buffer)));
        Assert.Equal((Errno.EINVAL, "sync_fd"), Told(test.Guest.Buffers.ImportSyncFile(test.Init, test.Buffer, FenceGuest.Write, 999)));
        Assert.Equal(0, test.Object(test.Buffer).Fences.Count);
    }

    [Fact]
    [Statement("S-BUF-74")]
    public void Export_NoFdLeft_FailsWithEmfile()
    {
        using var test = new FenceGuest();
        while (test.Room.CreateTimeline(test.Init, "").Ok)
        {
        }

        Assert.Equal(Errno.EMFILE, test.Guest.Buffers.ExportSyncFile(test.Init, test.Buffer, FenceGuest.Read).Failure!.Errno);
    }

    [Fact]
    [Statement("S-BUF-76")]
    public void Calls_OnAnotherKindOfFile_FailWithEnotty()
    {
        using var test = new FenceGuest();

        Assert.Equal(Errno.ENOTTY, test.Guest.Buffers.ExportSyncFile(test.Init, test.Timeline, FenceGuest.Read).Failure!.Errno);
        Assert.Equal(Errno.ENOTTY, test.Room.Info(test.Init, test.Buffer).Failure!.Errno);
        Assert.Equal(Errno.ENOTTY, test.Room.Advance(test.Init, test.Buffer, 1)!.Errno);
        Assert.Equal(Errno.EBADF, test.Room.Info(test.Init, 999).Failure!.Errno);
    }

    [Fact]
    public void Merge_FencesOfOneContext_KeepsTheLatestThatWaits()
    {
        using var test = new FenceGuest();
        int first = test.NewFence();
        int second = test.NewFence();

        int merged = test.Room.Merge(test.Init, first, second).Value;

        Assert.Single(test.Info(merged).Fences);
        test.Signal();
        Assert.Equal(0, test.Info(merged).Status);
        test.Signal();
        Assert.Equal(1, test.Info(merged).Status);
    }

    [Fact]
    public void Merge_SignalledFences_IsASignalledStub()
    {
        using var test = new FenceGuest();
        int first = test.NewFence();
        test.Signal();

        Assert.Equal(1, test.Info(test.Room.Merge(test.Init, first, first).Value).Status);
        Assert.Equal(Errno.ENOENT, test.Room.Merge(test.Init, first, test.Buffer).Failure!.Errno);
    }

    [Theory]
    [Statement("S-REC-08")]
    [InlineData(KernelVersion.V612, "sw_sync")]
    [InlineData(KernelVersion.V73, "detached-driver")]
    public void CloseTimeline_FencesThatWait_SignalWithEnoent(KernelVersion kernel, string driver)
    {
        using var test = new FenceGuest(kernel);
        int fd = test.NewFence();

        Assert.Null(test.Guest.Files.Close(test.Init, test.Timeline));

        Assert.Equal((-(int)Errno.ENOENT, driver), (test.Info(fd).Status, test.Info(fd).Fences[0].Driver));
    }

    [Fact]
    public void EndOfAProcess_ItsTimelines_SignalInTheOrderOfFdsAndValues()
    {
        using var test = new FenceGuest();
        GuestProcess peer = test.Test.Open();
        var order = new List<string>();
        foreach (string name in (string[])["a", "b"])
        {
            int timeline = test.Room.CreateTimeline(peer, name).Value;
            foreach (uint value in (uint[])[2, 1])
            {
                int fd = test.Room.CreateFence(peer, timeline, value).Value;
                Fence fence = ((SyncFile)peer.Fds.Find(fd)!).Fences[0];
                fence.OnSignal(() => order.Add($"{name}{value} {fence.Error}"));
            }
        }

        Assert.Null(test.Guest.Processes.End(peer));

        Assert.Equal(["a1 ENOENT", "a2 ENOENT", "b1 ENOENT", "b2 ENOENT"], order);
    }

    [Fact]
    public void CreateFence_ValueReachedAlready_IsSignalled()
    {
        using var test = new FenceGuest();
        test.Test.Time.Advance(TimeSpan.FromSeconds(3));
        test.Signal(5);

        SyncFileInfo info = test.Info(test.Room.CreateFence(test.Init, test.Timeline, 5).Value);

        Assert.Equal((1, 3_000_000_000UL), (info.Status, info.Fences[0].TimestampNanoseconds));
    }

    [Fact]
    public void CreateTimeline_LongName_FailsWithEinval()
    {
        using var test = new FenceGuest();

        Assert.Equal((Errno.EINVAL, "name"), Told(test.Room.CreateTimeline(test.Init, new string('x', 32)).Failure));
    }

    [Fact]
    [Statement("S-BUF-74", "S-BUF-75")]
    public void ExportAndImport_NoMemory_FailWithEnomemAndLeaveNothing()
    {
        using var test = new FenceGuest();
        int fence = test.NewFence();
        int fds = test.Test.Snapshot().Objects.Fds;
        Assert.True(test.Guest.Faults.Inject(new FaultSpec(FaultPoint.Failslab) { Times = 2 }).Ok);

        Assert.Equal(Errno.ENOMEM, test.Guest.Buffers.ExportSyncFile(test.Init, test.Buffer, FenceGuest.Write).Failure!.Errno);
        Assert.Equal(Errno.ENOMEM, test.Guest.Buffers.ImportSyncFile(test.Init, test.Buffer, FenceGuest.Write, fence)!.Errno);

        Assert.Equal((fds, 0), (test.Test.Snapshot().Objects.Fds, test.Object(test.Buffer).Fences.Count));
    }

    [Fact]
    [Statement("S-BUF-90", "S-BUF-93")]
    public void Share_ASyncFile_GivesThePeerTheSameFences()
    {
        using var test = new FenceGuest();
        GuestProcess peer = test.Test.Open();
        int mine = test.NewFence();
        Handle128 token = test.Room.ShareSyncFile(test.Init, mine, peer.Handle, TimeSpan.Zero).Value;
        Assert.Equal(Errno.EINVAL, test.Guest.Buffers.Import(peer, token).Failure!.Errno);
        Assert.Equal(Errno.ENOENT, test.Room.ReceiveSyncFile(test.Init, token).Failure!.Errno);
        Assert.Equal(Errno.EINVAL, test.Room.ShareSyncFile(test.Init, test.Buffer, null, TimeSpan.Zero).Failure!.Errno);

        int theirs = test.Room.ReceiveSyncFile(peer, token).Value;
        test.Signal();

        Assert.Equal(1, test.Room.Info(peer, theirs).Value.Status);
        Assert.Equal(Errno.ENOENT, test.Room.ReceiveSyncFile(peer, token).Failure!.Errno);
    }

    private static (Errno Errno, string? Field) Told(Failure? failure) => (failure!.Errno, failure.Field);
}
