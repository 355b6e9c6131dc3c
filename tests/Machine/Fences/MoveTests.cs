using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Fences;

public sealed class MoveTests
{
    private const ulong Length = (1 << 20) + 8192;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    [Theory]
    [Statement("S-BUF-56")]
    [InlineData(Platform.None)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    public void Migrate_NobodyMaps_MovesAllBytesToOtherFrames(Platform platform)
    {
        using var test = new TestGuest(platform);
        int fd = Allocate(test);
        ulong address = test.Map(fd);
        test.Store(address + 4095, "over a page"u8);
        test.Store(address + Length - 4, "last"u8);
        ulong used = test.Snapshot().Memory.Used;
        IReadOnlyList<Chunk> before = test.Stat(fd).Chunks;

        Assert.Null(Migrate(test, fd).Value);

        Assert.Empty(before.Intersect(test.Stat(fd).Chunks));
        Assert.Equal("over a page"u8.ToArray(), test.Load(address + 4095, 11));
        Assert.Equal("last"u8.ToArray(), test.Load(address + Length - 4, 4));
        Assert.Equal(used, test.Snapshot().Memory.Used);
        Assert.Empty(test.Revoked);
    }

    [Fact]
    [Statement("S-BUF-56", "S-RESV-01")]
    public void Migrate_DynamicImporter_IsToldAndTheMoveWaitsForItsUnmap()
    {
        using var test = new TestGuest(Platform.None);
        int fd = Allocate(test);
        ulong attachment = AttachAndMap(test, fd, ImporterOps.WithInvalidate);
        ulong old = test.Stat(fd).Chunks[0].Address;

        FenceWait wait = Migrate(test, fd).Value!;

        Assert.Equal([attachment], test.Invalidated);
        Assert.Equal((false, old), (wait.Done, test.Stat(fd).Chunks[0].Address));
        Assert.Equal(PollEvents.None, test.Guest.Fences.Poll(test.Init, [new PollEntry(fd, PollEvents.In)], TimeSpan.Zero).Value.Events[0]);
        Assert.Null(test.Guest.Importers.Unmap(test.Init, attachment));
        Assert.Null(Outcome.Of(wait));
        DmaMapping again = test.Guest.Importers.Map(test.Init, attachment, DmaDirection.Bidirectional, 0).Value;
        Assert.Equal(test.Stat(fd).Chunks[0].Address, again.AddressOf(0));
        Assert.NotEqual(old, again.AddressOf(0));
        Assert.Empty(test.CutOff);
    }

    [Fact]
    public void Migrate_WhileItMoves_MapPinVmapAndMoveAnswerEbusy()
    {
        using var test = new TestGuest(Platform.None);
        int fd = Allocate(test);
        AttachAndMap(test, fd, ImporterOps.WithInvalidate);
        ulong other = test.Guest.Importers.Attach(test.Init, fd, "", ImporterOps.WithInvalidate).Value.Attachment;

        Assert.NotNull(Migrate(test, fd).Value);

        Assert.Equal(Errno.EBUSY, test.Guest.Importers.Map(test.Init, other, DmaDirection.Bidirectional, 0).Failure!.Errno);
        Assert.Equal(Errno.EBUSY, test.Guest.Importers.Pin(test.Init, other)!.Errno);
        Assert.Equal(Errno.EBUSY, test.Guest.Importers.Vmap(test.Init, fd).Failure!.Errno);
        Assert.Equal(Errno.EBUSY, Migrate(test, fd).Failure!.Errno);
    }

    [Fact]
    [Statement("S-PIN-34")]
    public void Migrate_ImporterThatNeverAnswers_IsCutOffAtTheDeadline()
    {
        using var test = new TestGuest(Platform.None);
        int fd = Allocate(test);
        ulong address = test.Map(fd);
        test.Store(address, "kept"u8);
        test.Register(test.Init);
        ulong attachment = AttachAndMap(test, fd, ImporterOps.WithInvalidate, TestGuest.Nic);
        FenceWait wait = Migrate(test, fd).Value!;
        test.Time.Advance(Patience - TimeSpan.FromTicks(1));
        Assert.False(wait.Done);

        test.Time.Advance(TimeSpan.FromTicks(1));

        Assert.Null(Outcome.Of(wait));
        Assert.Equal([(attachment, Errno.ETIMEDOUT)], test.CutOff);
        Assert.Equal("moved", test.Revoked.Single().Reason);
        Assert.Equal("kept"u8.ToArray(), test.Load(address, 4));
        Assert.Equal(0, test.Snapshot().Objects.DmaMappings);
        Assert.Equal(Errno.EINVAL, test.Guest.Importers.Map(test.Init, attachment, DmaDirection.Bidirectional, 0).Failure!.Errno);
        Assert.Null(test.Guest.Importers.Detach(test.Init, attachment));
    }

    [Fact]
    [Statement("S-BUF-46", "S-BUF-56")]
    public void Migrate_ImporterWithoutCallback_IsSkippedAndCutOffAtOnce()
    {
        using var test = new TestGuest(Platform.None);
        int fd = Allocate(test);
        ulong attachment = AttachAndMap(test, fd, ImporterOps.WithoutInvalidate);

        Assert.Null(Migrate(test, fd).Value);

        Assert.Equal([(attachment, Errno.EOPNOTSUPP)], test.CutOff);
        Assert.Empty(test.Invalidated);
    }

    [Fact]
    [Statement("S-RESV-05")]
    public void Migrate_FencesThatNeverSignal_StopTheMoveWithEtimedout()
    {
        using var test = new TestGuest(Platform.None);
        int fd = Allocate(test);
        ulong free = test.Snapshot().Memory.Free;
        IReadOnlyList<Chunk> before = test.Stat(fd).Chunks;
        AddFence(test, fd, FenceUsage.Bookkeep);
        FenceWait wait = Migrate(test, fd).Value!;

        test.Time.Advance(Patience);

        Assert.Equal(Errno.ETIMEDOUT, Outcome.Of(wait));
        Assert.Equal(before, test.Stat(fd).Chunks);
        Assert.Equal((free, 0), (test.Snapshot().Memory.Free, test.Guest.Fences.Deadlines.Count));
    }

    [Fact]
    public void Migrate_FencesOfTheBuffer_AreWaitedFor()
    {
        using var test = new TestGuest(Platform.None);
        int fd = Allocate(test);
        Fence fence = AddFence(test, fd, FenceUsage.Read);
        FenceWait wait = Migrate(test, fd).Value!;
        Assert.False(wait.Done);

        fence.Signal(1);

        Assert.Null(Outcome.Of(wait));
    }

    [Fact]
    public void Migrate_ImporterThatDies_LetsTheMoveGoOn()
    {
        using var test = new TestGuest(Platform.None);
        int fd = Allocate(test);
        GuestProcess peer = test.Open();
        int theirs = test.Guest.Buffers.Import(peer, test.Guest.Buffers.Export(test.Init, fd, null, TimeSpan.Zero).Value).Value.Fd;
        ulong attachment = test.Guest.Importers.Attach(peer, theirs, "", ImporterOps.WithInvalidate).Value.Attachment;
        Assert.True(test.Guest.Importers.Map(peer, attachment, DmaDirection.Bidirectional, 0).Ok);
        FenceWait wait = Migrate(test, fd).Value!;

        Assert.Null(test.Guest.Processes.End(peer));

        Assert.Null(Outcome.Of(wait));
        Assert.Empty(test.CutOff);
    }

    [Fact]
    public void Close_OfTheLastFdWhileItMoves_FreesItAfterwards()
    {
        using var test = new TestGuest(Platform.None);
        ulong free = test.Snapshot().Memory.Free;
        int fd = Allocate(test);
        Fence fence = AddFence(test, fd, FenceUsage.Write);
        Assert.NotNull(Migrate(test, fd).Value);
        Assert.Null(test.Guest.Files.Close(test.Init, fd));
        Assert.Equal(1, test.Snapshot().Objects.Buffers);

        fence.Signal(1);

        Assert.Equal((0, free), (test.Snapshot().Objects.Buffers, test.Snapshot().Memory.Free));
    }

    [Fact]
    [Statement("S-SYS-51")]
    public void Migrate_HeapBuffer_FailsWithEopnotsupp()
    {
        using var test = new TestGuest(Platform.None);

        Assert.Equal(Errno.EOPNOTSUPP, Migrate(test, test.Allocate(TestGuest.Private, 4096)).Failure!.Errno);
    }

    [Fact]
    public void Migrate_WrongArguments_FailWithTheFieldsName()
    {
        using var test = new TestGuest(Platform.None);
        int fd = Allocate(test);

        Assert.Equal(
            "patience_nanoseconds",
            test.Guest.Moves.Migrate(test.Init, fd, GuestFences.LongestWait + TimeSpan.FromTicks(1)).Failure!.Field);
        Assert.Equal("len", test.Guest.Moves.Allocate(test.Init, 0, 2).Failure!.Field);
        Assert.Equal("fd_flags", test.Guest.Moves.Allocate(test.Init, 4096, 0x800).Failure!.Field);
    }

    [Fact]
    [Statement("S-PIN-34", "S-PIN-37")]
    public void Revoke_OfAPinnedImport_UnpinsNothingTwiceAndForbidsMaps()
    {
        using var test = new TestGuest(Platform.None);
        int fd = Allocate(test);
        ulong attachment = test.Guest.Importers.Attach(test.Init, fd, "", ImporterOps.WithoutInvalidate).Value.Attachment;
        Assert.Null(test.Guest.Importers.Pin(test.Init, attachment));
        Assert.True(test.Guest.Importers.Map(test.Init, attachment, DmaDirection.Bidirectional, 0).Ok);

        Assert.Null(test.Guest.Importers.Revoke(test.Init, attachment));
        Assert.Null(test.Guest.Importers.Revoke(test.Init, attachment));

        Assert.Equal(Errno.EINVAL, test.Guest.Importers.Map(test.Init, attachment, DmaDirection.Bidirectional, 0).Failure!.Errno);
        Assert.Null(Migrate(test, fd).Value);
        Assert.Null(test.Guest.Importers.Detach(test.Init, attachment));
    }

    private static int Allocate(TestGuest test) => test.Guest.Moves.Allocate(test.Init, Length, 2).Value.Fd;

    private static Result<FenceWait?> Migrate(TestGuest test, int fd) => test.Guest.Moves.Migrate(test.Init, fd, Patience);

    private static ulong AttachAndMap(TestGuest test, int fd, ImporterOps ops, string device = "")
    {
        ulong attachment = test.Guest.Importers.Attach(test.Init, fd, device, ops).Value.Attachment;
        Assert.True(test.Guest.Importers.Map(test.Init, attachment, DmaDirection.Bidirectional, 0).Ok);
        return attachment;
    }

    private static Fence AddFence(TestGuest test, int fd, FenceUsage usage)
    {
        var fence = new Fence(1000, 1, "d", "t");
        Reservation fences = ((DmaBuf)test.Init.Fds.Find(fd)!).Fences;
        fences.Reserve(1);
        fences.Add(fence, usage);
        return fence;
    }
}
