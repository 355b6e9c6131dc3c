using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Tests.Machine.Guests;
using CocoGuest.Tests.Machine.Natives;

namespace CocoGuest.Tests.Machine.Fences;

/// <summary>Who follows a dma-buf is told what it is ready for, at each change.</summary>
public sealed class PollFollowerTests
{
    private const PollEvents Both = PollEvents.In | PollEvents.Out;
    private const uint ReadFence = 1;
    private const uint WriteFence = 2;

    [Theory]
    [InlineData(WriteFence, PollEvents.None)]
    [InlineData(ReadFence, PollEvents.In)]
    [Statement("S-BUF-13")]
    public void Follow_FenceThatComesAndSignals_TellsEachChangeOnce(uint flags, PollEvents meanwhile)
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        (int fd, NativeFile file) = test.Guest.Make(process, TestGuest.Shared);
        int timeline = test.Guest.Fences.CreateTimeline(process, "line").Value;
        var told = new List<PollEvents>();

        using IDisposable following = test.Guest.Natives.Follow(file, told.Add);
        Assert.Null(test.Guest.Buffers.ImportSyncFile(process, fd, flags, test.Guest.Fences.CreateFence(process, timeline, 1).Value));
        Assert.Null(test.Guest.Buffers.ImportSyncFile(process, fd, flags, test.Guest.Fences.CreateFence(process, timeline, 2).Value));
        Assert.Null(test.Guest.Fences.Advance(process, timeline, 1));
        Assert.Null(test.Guest.Fences.Advance(process, timeline, 1));

        Assert.Equal([Both, meanwhile, Both], told);
    }

    [Fact]
    public void Follow_Disposed_TellsNothingMore()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        (int fd, NativeFile file) = test.Guest.Make(process, TestGuest.Shared);
        int timeline = test.Guest.Fences.CreateTimeline(process, "line").Value;
        var told = new List<PollEvents>();

        test.Guest.Natives.Follow(file, told.Add).Dispose();
        Assert.Null(test.Guest.Buffers.ImportSyncFile(process, fd, WriteFence, test.Guest.Fences.CreateFence(process, timeline, 1).Value));

        Assert.Equal([Both], told);
    }

    [Fact]
    public void Follow_NoDmaBuf_IsMisuse()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        NativeFile timeline = test.Guest.Natives.Adopt(process, test.Guest.Fences.CreateTimeline(process, "line").Value).Value;

        Assert.Throws<ArgumentException>(() => test.Guest.Natives.Follow(timeline, static _ => { }));
    }
}
