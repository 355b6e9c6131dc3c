using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Fences;

public sealed class WaitTests
{
    private const ulong End = 4;

    [Theory]
    [Statement("S-BUF-63", "S-RESV-02")]
    [InlineData(FenceGuest.Write, 1UL, true)]
    [InlineData(FenceGuest.Write, 2UL, true)]
    [InlineData(FenceGuest.Read, 1UL, false)]
    [InlineData(FenceGuest.Read, 2UL, true)]
    [InlineData(FenceGuest.Read, 3UL, true)]
    [InlineData(FenceGuest.Write, 1UL | End, false)]
    [InlineData(FenceGuest.Write, 3UL | End, false)]
    public void Sync_WithAFence_StartWaitsAsReaderOrWriterAndEndNever(uint fence, ulong flags, bool waits)
    {
        using var test = new FenceGuest();
        test.AddFence(fence);

        SyncOutcome outcome = test.Guest.Importers.Sync(test.Init, test.Buffer, flags).Value;

        Assert.Equal(waits, outcome.Wait is not null);
        test.Signal();
        Assert.Null(outcome.Wait is { } wait ? Outcome.Of(wait) : null);
    }

    [Fact]
    [Statement("S-BUF-68")]
    public void Sync_BouncedBuffer_CopiesBeforeItWaits()
    {
        using var test = new FenceGuest(platform: Platform.SevSnp);
        ulong address = test.Test.Map(test.Buffer);
        ulong dma = test.Test.AttachAndMap(test.Buffer).Mapping.Value.AddressOf(0);
        test.Test.DmaWrite(dma, "before"u8);
        test.AddFence(FenceGuest.Write);

        FenceWait wait = test.Guest.Importers.Sync(test.Init, test.Buffer, 1).Value.Wait!;
        test.Test.DmaWrite(dma, "during"u8);
        test.Signal();

        Assert.Null(Outcome.Of(wait));
        Assert.Equal("before"u8.ToArray(), test.Test.Load(address, 6));
        Assert.Null(test.Guest.Importers.Sync(test.Init, test.Buffer, 1).Value.Wait);
        Assert.Equal("during"u8.ToArray(), test.Test.Load(address, 6));
    }

    [Fact]
    [Statement("S-BUF-63", "S-RESV-04")]
    public void Interrupt_OfASync_EndsItWithEintr()
    {
        using var test = new FenceGuest();
        test.AddFence(FenceGuest.Write);
        FenceWait wait = test.Guest.Importers.Sync(test.Init, test.Buffer, 1).Value.Wait!;

        test.Room.Interrupt(wait);

        Assert.Equal(Errno.EINTR, Outcome.Of(wait));
        test.Signal();
        Assert.Equal(Errno.EINTR, Outcome.Of(wait));
    }

    [Fact]
    [Statement("S-RESV-04")]
    public void Wait_WhoseTimePasses_EndsWithEtimedout()
    {
        using var test = new FenceGuest();
        test.AddFence(FenceGuest.Write);
        FenceWait wait = test.Guest.Importers.Sync(test.Init, test.Buffer, 1).Value.Wait!;
        test.Test.Time.Advance(GuestFences.LongestWait - TimeSpan.FromTicks(1));
        Assert.False(wait.Done);

        test.Test.Time.Advance(TimeSpan.FromTicks(1));

        Assert.Equal((Errno.ETIMEDOUT, 0, 0), (Outcome.Of(wait), test.Room.Waits.Count, test.Room.Deadlines.Count));
    }

    [Fact]
    public void Wait_InAGuestThatEnds_EndsWithEownerdead()
    {
        var test = new FenceGuest();
        int pending = test.Room.CreateFence(test.Init, test.Timeline, 9).Value;
        FenceWait wait = test.Room.Poll(test.Init, [new PollEntry(pending, PollEvents.None)], TimeSpan.FromSeconds(1)).Value.Wait!;

        test.Dispose();

        Assert.Equal(Errno.EOWNERDEAD, Outcome.Of(wait));
    }

    [Fact]
    [Statement("S-BUF-63")]
    public void Wait_OfAProcessThatEnds_EndsWithEintrBeforeItsOwnFencesSignal()
    {
        using var test = new FenceGuest();
        GuestProcess process = test.Test.Open();
        int timeline = test.Room.CreateTimeline(process, "own").Value;
        int fence = test.Room.CreateFence(process, timeline, 1).Value;
        FenceWait wait = test.Room.Poll(process, [new PollEntry(fence, PollEvents.In)], TimeSpan.FromSeconds(1)).Value.Wait!;
        FenceWait other = test.Room.Poll(test.Init, [], TimeSpan.FromSeconds(1)).Value.Wait!;

        Assert.Null(test.Guest.Processes.End(process));

        Assert.Equal((Errno.EINTR, false, 1), (Outcome.Of(wait), other.Done, test.Room.Waits.Count));
    }

    [Fact]
    [Statement("S-BUF-50")]
    public void Map_OfAProcessThatEnds_EndsWithEintrAndKeepsNothing()
    {
        using var test = new FenceGuest(platform: Platform.SevSnp);
        GuestProcess process = test.Test.Open();
        Handle128 token = test.Guest.Buffers.Export(test.Init, test.Buffer, null, TimeSpan.Zero).Value;
        int fd = test.Guest.Buffers.Import(process, token).Value.Fd;
        AddKernelFence(test);
        ulong attachment = test.Guest.Importers.Attach(process, fd, "").Value.Attachment;
        FenceWait wait = test.Guest.Importers.Map(process, attachment, DmaDirection.Bidirectional, 0).Value.Wait!;

        Assert.Null(test.Guest.Processes.End(process));

        Assert.Equal((Errno.EINTR, 0u, 0), (Outcome.Of(wait), test.Test.Snapshot().Dma.DefaultPool!.UsedSlots,
            test.Test.Snapshot().Objects.Attachments));
    }

    [Fact]
    public async Task Wait_OnAnotherThread_GoesOnWhenTheFenceSignals()
    {
        using var test = new FenceGuest();
        test.AddFence(FenceGuest.Write);
        FenceWait wait = test.Guest.Importers.Sync(test.Init, test.Buffer, 1).Value.Wait!;
        Task<Failure?> waiter = Task.Run(async () =>
        {
            Failure? failure = await wait.Completion;
            return failure ?? test.Guest.Importers.Sync(test.Init, test.Buffer, 1).Failure;
        });

        test.Signal();

        Assert.Null(await waiter);
    }

    [Fact]
    [Statement("S-BUF-50", "S-RESV-01")]
    public void Map_StaticAttachment_WaitsForKernelFencesOnly()
    {
        using var test = new FenceGuest();
        test.AddFence(FenceGuest.Write);
        Assert.Null(test.Test.AttachAndMap(test.Buffer).Mapping.Value.Wait);
        Fence kernel = AddKernelFence(test);

        FenceWait wait = test.Test.AttachAndMap(test.Buffer).Mapping.Value.Wait!;

        Assert.False(wait.Done);
        kernel.Signal(1);
        Assert.Null(Outcome.Of(wait));
    }

    [Fact]
    [Statement("S-BUF-50")]
    public void Interrupt_OfAMap_UnmapsAndReturnsEintr()
    {
        using var test = new FenceGuest(platform: Platform.SevSnp);
        AddKernelFence(test);
        DmaMapping mapping = test.Test.AttachAndMap(test.Buffer).Mapping.Value;
        Assert.Equal((true, 1), (test.Test.Snapshot().Dma.DefaultPool!.UsedSlots > 0, test.Test.Snapshot().Objects.DmaMappings));

        test.Room.Interrupt(mapping.Wait!);

        Assert.Equal((Errno.EINTR, 0u, 0), (Outcome.Of(mapping.Wait!), test.Test.Snapshot().Dma.DefaultPool!.UsedSlots,
            test.Test.Snapshot().Objects.DmaMappings));
    }

    [Fact]
    [Statement("S-BUF-50")]
    public void Interrupt_AfterAnotherMap_LeavesThatOneAlone()
    {
        using var test = new FenceGuest();
        AddKernelFence(test);
        (ulong attachment, Result<DmaMapping> first) = test.Test.AttachAndMap(test.Buffer);
        Assert.Null(test.Guest.Importers.Unmap(test.Init, attachment));
        Assert.True(test.Guest.Importers.Map(test.Init, attachment, DmaDirection.Bidirectional, 0).Ok);

        test.Room.Interrupt(first.Value.Wait!);

        Assert.Equal(1, test.Test.Snapshot().Objects.DmaMappings);
    }

    [Fact]
    [Statement("S-BUF-43", "S-BUF-50", "S-PIN-31")]
    public void Map_DynamicAttachment_DoesNotWaitButMayAskFor()
    {
        using var test = new FenceGuest();
        Fence kernel = AddKernelFence(test);
        ulong attachment = test.Guest.Importers.Attach(test.Init, test.Buffer, "", ImporterOps.WithInvalidate).Value.Attachment;

        Assert.Null(test.Guest.Importers.Map(test.Init, attachment, DmaDirection.Bidirectional, 0).Value.Wait);
        FenceWait wait = test.Guest.Importers.WaitForFences(test.Init, attachment, FenceUsage.Kernel).Value!;
        kernel.Signal(1);

        Assert.Null(Outcome.Of(wait));
        Assert.Null(test.Guest.Importers.WaitForFences(test.Init, attachment, FenceUsage.Kernel).Value);
    }

    private static Fence AddKernelFence(FenceGuest test)
    {
        var fence = new Fence(1000, 1, "d", "t");
        Reservation fences = test.Object(test.Buffer).Fences;
        fences.Reserve(1);
        fences.Add(fence, FenceUsage.Kernel);
        return fence;
    }
}
