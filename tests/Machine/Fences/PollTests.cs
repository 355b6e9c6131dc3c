using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;

namespace CocoGuest.Tests.Machine.Fences;

[Statement("S-BUF-13")]
public sealed class PollTests
{
    private const PollEvents Both = PollEvents.In | PollEvents.Out;

    [Theory]
    [InlineData(Both, Both)]
    [InlineData(PollEvents.In, PollEvents.In)]
    [InlineData((PollEvents)0x7fff, Both)]
    [InlineData((PollEvents)0x1ca, PollEvents.None)]
    [InlineData(PollEvents.None, PollEvents.None)]
    public void Poll_WithoutFences_IsReadyForWhatIsAsked(PollEvents asked, PollEvents ready)
    {
        using var test = new FenceGuest();

        Assert.Equal(ready, test.Poll(test.Buffer, asked));
    }

    [Theory]
    [InlineData(FenceGuest.Read, PollEvents.In)]
    [InlineData(FenceGuest.Write, PollEvents.None)]
    [InlineData(FenceGuest.ReadWrite, PollEvents.None)]
    public void Poll_WithAFence_ReadersWaitForWritesAndWritersForAll(uint flags, PollEvents ready)
    {
        using var test = new FenceGuest();
        test.AddFence(flags);
        Assert.Equal(ready, test.Poll(test.Buffer));

        test.Signal();

        Assert.Equal(Both, test.Poll(test.Buffer));
    }

    [Fact]
    [Statement("S-RESV-01")]
    public void Poll_KernelFence_HoldsUpBoth()
    {
        using var test = new FenceGuest();
        Reservation fences = test.Object(test.Buffer).Fences;
        fences.Reserve(1);
        fences.Add(new Fence(99, 1, "d", "t"), FenceUsage.Kernel);

        Assert.Equal(PollEvents.None, test.Poll(test.Buffer));
    }

    [Fact]
    [Statement("S-RESV-05")]
    public void Poll_BookkeepFence_IsIgnored()
    {
        using var test = new FenceGuest();
        Reservation fences = test.Object(test.Buffer).Fences;
        fences.Reserve(1);
        fences.Add(new Fence(99, 1, "d", "t"), FenceUsage.Bookkeep);

        Assert.Equal(Both, test.Poll(test.Buffer));
        Assert.Null(test.Guest.Importers.Sync(test.Init, test.Buffer, 2).Value.Wait);
        Assert.Equal(1, test.Info(test.Guest.Buffers.ExportSyncFile(test.Init, test.Buffer, 3).Value).Status);
    }

    [Fact]
    public void Poll_SyncFile_IsReadableWhenSignalled()
    {
        using var test = new FenceGuest();
        int fd = test.NewFence();
        Assert.Equal(PollEvents.None, test.Poll(fd));

        test.Signal();

        Assert.Equal(PollEvents.In, test.Poll(fd));
    }

    [Fact]
    public void Poll_OtherFds_AreReadyOrInvalid()
    {
        using var test = new FenceGuest();

        Assert.Equal((Both, PollEvents.Invalid, PollEvents.None), (test.Poll(test.Timeline), test.Poll(999), test.Poll(-1)));
    }

    [Fact]
    [Statement("S-REC-08")]
    public void Close_OfABufferThatWasPolled_KeepsItUntilTheFenceSignals()
    {
        using var test = new FenceGuest();
        test.AddFence(FenceGuest.Write);
        Assert.Equal(PollEvents.None, test.Poll(test.Buffer));
        Assert.Null(test.Guest.Files.Close(test.Init, test.Buffer));
        Assert.Equal(1, test.Test.Snapshot().Objects.Buffers);

        test.Signal();

        Assert.Equal(0, test.Test.Snapshot().Objects.Buffers);
    }

    [Fact]
    public void Poll_WithTime_WaitsForTheSignal()
    {
        using var test = new FenceGuest();
        test.AddFence(FenceGuest.Write);
        FenceWait wait = Wait(test, TimeSpan.FromSeconds(1));

        test.Signal();

        Assert.Equal((true, Both, 0), (wait.Done, test.Poll(test.Buffer), test.Room.Waits.Count));
    }

    [Fact]
    public void Poll_WithTimeThatPasses_EndsWithoutAnEventOrAnError()
    {
        using var test = new FenceGuest();
        test.AddFence(FenceGuest.Write);
        FenceWait wait = Wait(test, TimeSpan.FromSeconds(1));

        test.Test.Time.Advance(TimeSpan.FromSeconds(1));

        Assert.True(wait.Done);
        Assert.Null(Outcome.Of(wait));
        Assert.Equal(PollEvents.None, test.Poll(test.Buffer));
    }

    private static FenceWait Wait(FenceGuest test, TimeSpan time) =>
        test.Room.Poll(test.Init, [new PollEntry(test.Buffer, Both)], time).Value.Wait!;
}
