using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Fences;

public sealed class DynamicImporterTests
{
    private const ulong OneMiB = 1 << 20;

    [Theory]
    [Statement("S-BUF-46")]
    [InlineData(KernelVersion.V612, ImporterOps.WithoutInvalidate, Errno.EINVAL)]
    [InlineData(KernelVersion.V612, ImporterOps.WithInvalidate, Errno.None)]
    [InlineData(KernelVersion.V72, ImporterOps.WithoutInvalidate, Errno.None)]
    [InlineData(KernelVersion.V73, ImporterOps.WithoutInvalidate, Errno.None)]
    public void Attach_ImporterOps_AreAcceptedAsTheKernelDoes(KernelVersion kernel, ImporterOps ops, Errno errno)
    {
        using var test = new TestGuest(Platform.None, kernel);

        Assert.Equal(errno, Attach(test, test.Allocate(TestGuest.Private, 4096), ops).Failure?.Errno ?? Errno.None);
    }

    [Theory]
    [Statement("S-BUF-47", "S-DMA-50")]
    [InlineData(KernelVersion.SeedV1, false)]
    [InlineData(KernelVersion.V72, false)]
    [InlineData(KernelVersion.V73, false)]
    public void Attach_BufferThatCannotBeMapped_FailsOnlyAtMapWhereAttachDoesNotMap(KernelVersion kernel, bool atAttach)
    {
        using var test = new TestGuest(Platform.SevSnp, kernel);
        Result<ImportedBuffer> attached = Attach(test, test.Allocate(TestGuest.Private, OneMiB), ImporterOps.WithInvalidate);

        Assert.Equal(atAttach, !attached.Ok);
        Assert.Equal(Errno.EIO, Map(test, attached.Value.Attachment).Failure!.Errno);
    }

    [Fact]
    [Statement("S-BUF-47")]
    public void Attach_Of612ToABufferThatCannotBeMapped_FailsAndLeavesNothing()
    {
        using var test = new TestGuest(Platform.SevSnp, KernelVersion.V612);
        int fd = test.Allocate(TestGuest.Private, OneMiB);

        Assert.Equal(Errno.EIO, Attach(test, fd, ImporterOps.WithInvalidate).Failure!.Errno);

        Assert.Equal((0, 1UL), (test.Snapshot().Objects.Attachments, test.Stat(fd).Count));
    }

    [Fact]
    [Statement("S-BUF-47", "S-BUF-53")]
    public void Map_Of612ByADynamicImporter_GivesTheTableOfAttachUntilDetach()
    {
        using var test = new TestGuest(Platform.SevSnp, KernelVersion.V612);
        ulong attachment = Attach(test, test.Allocate(TestGuest.Private, 4096), ImporterOps.WithInvalidate).Value.Attachment;
        uint slots = Slots(test);
        ulong first = Map(test, attachment).Value.AddressOf(0);
        Assert.Equal(Errno.EBUSY, Map(test, attachment).Failure!.Errno);
        Assert.Equal(Errno.EBUSY, test.Guest.Importers.Detach(test.Init, attachment)!.Errno);
        Assert.Null(test.Guest.Importers.Unmap(test.Init, attachment));

        Assert.Equal((2u, 2u, first), (slots, Slots(test), Map(test, attachment, DmaDirection.ToDevice).Value.AddressOf(0)));

        Assert.Null(test.Guest.Importers.Unmap(test.Init, attachment));
        Assert.Equal(Errno.EINVAL, test.Guest.Importers.Unmap(test.Init, attachment)!.Errno);
        Assert.Null(test.Guest.Importers.Detach(test.Init, attachment));
        Assert.Equal(0u, Slots(test));
    }

    [Fact]
    [Statement("S-BUF-47", "S-BUF-54")]
    public void Attach_Of612StaticToAMovableBuffer_PinsItUntilDetach()
    {
        using var test = new TestGuest(Platform.None, KernelVersion.V612);
        int fd = test.Guest.Moves.Allocate(test.Init, 4096, 2).Value.Fd;
        ulong attachment = Attach(test, fd, ImporterOps.None).Value.Attachment;
        Assert.Equal(Errno.EBUSY, Migrate(test, fd).Failure!.Errno);

        Assert.Null(test.Guest.Importers.Detach(test.Init, attachment));

        Assert.Null(Migrate(test, fd).Value);
    }

    [Fact]
    [Statement("S-BUF-47", "S-GPU-02")]
    public void Import_Of612ByADrmDevice_PinsAMovableBufferLikeAnyStaticImporter()
    {
        using var test = new TestGuest(Platform.None, KernelVersion.V612);
        int fd = test.Guest.Moves.Allocate(test.Init, 4096, 2).Value.Fd;
        int node = test.Guest.Drm.Open(test.Init, "vgem").Value;
        uint handle = test.Guest.Drm.FdToHandle(test.Init, node, fd).Value;
        Assert.Equal(Errno.EBUSY, Migrate(test, fd).Failure!.Errno);

        Assert.Null(test.Guest.Drm.GemClose(test.Init, node, handle));

        Assert.Null(Migrate(test, fd).Value);
    }

    [Fact]
    [Statement("S-BUF-50", "S-BUF-54")]
    public void Map_StaticAttachmentOfAMovableBuffer_PinsUntilUnmap()
    {
        using var test = new TestGuest(Platform.None);
        int fd = test.Guest.Moves.Allocate(test.Init, 4096, 2).Value.Fd;
        (ulong attachment, _) = test.AttachAndMap(fd);
        Assert.Equal(Errno.EBUSY, Migrate(test, fd).Failure!.Errno);

        Assert.Null(test.Guest.Importers.Unmap(test.Init, attachment));

        Assert.Null(Migrate(test, fd).Value);
    }

    [Fact]
    [Statement("S-BUF-55")]
    public void Pin_StaticAttachment_FailsWithEinval()
    {
        using var test = new TestGuest(Platform.None);
        ulong attachment = Attach(test, test.Allocate(TestGuest.Private, 4096), ImporterOps.None).Value.Attachment;

        Assert.Equal((Errno.EINVAL, Errno.EINVAL),
            (test.Guest.Importers.Pin(test.Init, attachment)!.Errno, test.Guest.Importers.Unpin(test.Init, attachment)!.Errno));
    }

    [Fact]
    [Statement("S-BUF-55")]
    public void Pin_HeapBuffer_IsASuccessWithoutEffect()
    {
        using var test = new TestGuest(Platform.None);
        int fd = test.Allocate(TestGuest.Private, 4096);
        ulong attachment = Attach(test, fd, ImporterOps.WithInvalidate).Value.Attachment;

        Assert.Null(test.Guest.Importers.Pin(test.Init, attachment));

        Assert.Equal(0u, ((DmaBuf)test.Init.Fds.Find(fd)!).Pins);
        Assert.Null(test.Guest.Importers.Unpin(test.Init, attachment));
        Assert.Equal(Errno.EINVAL, test.Guest.Importers.Unpin(test.Init, attachment)!.Errno);
    }

    [Fact]
    [Statement("S-BUF-55")]
    public void Pin_MovableBuffer_KeepsItUntilTheLastUnpin()
    {
        using var test = new TestGuest(Platform.None);
        int fd = test.Guest.Moves.Allocate(test.Init, 4096, 2).Value.Fd;
        ulong attachment = Attach(test, fd, ImporterOps.WithoutInvalidate).Value.Attachment;
        Assert.Null(test.Guest.Importers.Pin(test.Init, attachment));
        Assert.Null(test.Guest.Importers.Pin(test.Init, attachment));
        Assert.Null(test.Guest.Importers.Unpin(test.Init, attachment));
        Assert.Equal(Errno.EBUSY, Migrate(test, fd).Failure!.Errno);
        Assert.Equal(Errno.EBUSY, test.Guest.Importers.Detach(test.Init, attachment)!.Errno);

        Assert.Null(test.Guest.Importers.Unpin(test.Init, attachment));

        Assert.Null(Migrate(test, fd).Value);
    }

    [Fact]
    [Statement("S-BUF-55")]
    public void EndOfAProcess_ItsPins_Go()
    {
        using var test = new TestGuest(Platform.None);
        GuestProcess peer = test.Open();
        int fd = test.Guest.Moves.Allocate(peer, 4096, 2).Value.Fd;
        int mine = test.Guest.Buffers.Import(test.Init, test.Guest.Buffers.Export(peer, fd, null, TimeSpan.Zero).Value).Value.Fd;
        ulong attachment = test.Guest.Importers.Attach(peer, fd, "", ImporterOps.WithInvalidate).Value.Attachment;
        Assert.Null(test.Guest.Importers.Pin(peer, attachment));
        Assert.Equal(2u, test.Guest.Importers.Vmap(peer, fd).Value + 1);

        Assert.Null(test.Guest.Processes.End(peer));

        Assert.Null(Migrate(test, mine).Value);
    }

    [Fact]
    [Statement("S-BUF-80", "S-SYS-50")]
    public void Vmap_SeveralTimes_CountsAndTheLastVunmapEndsIt()
    {
        using var test = new TestGuest(Platform.None);
        int fd = test.Allocate(TestGuest.Private, 4096);

        Assert.Equal((1u, 2u), (test.Guest.Importers.Vmap(test.Init, fd).Value, test.Guest.Importers.Vmap(test.Init, fd).Value));

        Assert.Equal((1u, 0u), (test.Guest.Importers.Vunmap(test.Init, fd).Value, test.Guest.Importers.Vunmap(test.Init, fd).Value));
        Assert.Equal(Errno.EINVAL, test.Guest.Importers.Vunmap(test.Init, fd).Failure!.Errno);
    }

    [Fact]
    [Statement("S-BUF-80", "S-BUF-90")]
    public void Vmap_AfterClose_KeepsTheBuffer()
    {
        using var test = new TestGuest(Platform.None);
        GuestProcess peer = test.Open();
        int fd = test.Guest.Heaps.Allocate(peer, TestGuest.Private, 4096, 2, 0).Value.Fd;
        Assert.True(test.Guest.Importers.Vmap(peer, fd).Ok);
        Assert.Null(test.Guest.Files.Close(peer, fd));
        Assert.Equal(1, test.Snapshot().Objects.Buffers);

        Assert.Null(test.Guest.Processes.End(peer));

        Assert.Equal(0, test.Snapshot().Objects.Buffers);
    }

    [Fact]
    [Statement("S-BUF-57")]
    public void Map_HeapBuffer_HasOneSegmentAChunk()
    {
        using var test = new TestGuest(Platform.None);
        int fd = test.Allocate(TestGuest.Private, OneMiB + 4096);

        Assert.Equal(test.Stat(fd).Chunks.Count, test.AttachAndMap(fd).Mapping.Value.Count);
    }

    private static uint Slots(TestGuest test) => test.Snapshot().Dma.DefaultPool!.UsedSlots;

    private static Result<ImportedBuffer> Attach(TestGuest test, int fd, ImporterOps ops) =>
        test.Guest.Importers.Attach(test.Init, fd, "", ops);

    private static Result<DmaMapping> Map(TestGuest test, ulong attachment, DmaDirection direction = DmaDirection.Bidirectional) =>
        test.Guest.Importers.Map(test.Init, attachment, direction, 0);

    private static Result<CocoGuest.Machine.Fences.FenceWait?> Migrate(TestGuest test, int fd) =>
        test.Guest.Moves.Migrate(test.Init, fd, TimeSpan.Zero);
}
