using CocoGuest.Machine;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.Tests.Service.Processes;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>Fences over gRPC: what one client signals, another one waits for.</summary>
public sealed class FenceServiceTests : ServerTest
{
    private const uint In = 1;
    private const uint Out = 4;
    private const uint Invalid = 0x20;
    private const uint Read = 1;
    private const uint Write = 2;
    private const int Pending = 0;
    private const int Signalled = 1;

    private FenceService.FenceServiceClient Fences => field ??= new(Host.Unix());

    private int Waiting => Host.Part<GuestRegistry>().Find("").Value.Fences.Waits.Count;

    [Fact]
    [Statement("S-BUF-73")]
    [Statement("S-BUF-75")]
    public async Task ImportSyncFile_AsWriter_MakesReadersWaitUntilTheTimelineIsRaised()
    {
        (int buffer, int timeline) = await BlockedBufferAsync(Write);
        int exported = (await Fences.ExportSyncFileAsync(new() { Fd = buffer, Flags = Read })).Fd;
        SyncFileInfoResponse before = await Fences.SyncFileInfoAsync(new() { Fd = exported });
        Assert.Equal((Pending, "render", "sw_sync"), (before.Status, before.Fences[0].Timeline, before.Fences[0].Driver));

        Host.Time.Advance(TimeSpan.FromMilliseconds(3));
        await Fences.SignalTimelineAsync(new() { Fd = timeline });

        SyncFileInfoResponse info = await Fences.SyncFileInfoAsync(new() { Fd = exported });
        SyncFence fence = Assert.Single(info.Fences);
        Assert.Equal((Signalled, Signalled), (info.Status, fence.Status));
        Assert.NotEqual(0ul, fence.TimestampNanoseconds);
    }

    [Fact]
    [Statement("S-BUF-74")]
    public async Task ExportSyncFile_OfAnIdleBuffer_IsSignalledAlready()
    {
        int exported = (await Fences.ExportSyncFileAsync(new() { Fd = await AllocateAsync(), Flags = Write })).Fd;
        Assert.Equal(Signalled, (await Fences.SyncFileInfoAsync(new() { Fd = exported })).Status);
    }

    [Fact]
    public async Task MergeSyncFile_OfTwoTimelines_SignalsWhenBothHave()
    {
        int one = await TimelineAsync();
        int two = await TimelineAsync();
        int first = (await Fences.CreateFenceAsync(new() { Fd = one, Value = 1 })).Fd;
        int second = (await Fences.CreateFenceAsync(new() { Fd = two, Value = 1 })).Fd;

        int merged = (await Fences.MergeSyncFileAsync(new() { Fd = first, Fd2 = second })).Fd;

        await Fences.SignalTimelineAsync(new() { Fd = one });
        SyncFileInfoResponse info = await Fences.SyncFileInfoAsync(new() { Fd = merged });
        Assert.Equal((Pending, 2), (info.Status, info.Fences.Count));
        await Fences.SignalTimelineAsync(new() { Fd = two });
        Assert.Equal(Signalled, (await Fences.SyncFileInfoAsync(new() { Fd = merged })).Status);
    }

    [Fact]
    [Statement("S-BUF-13")]
    public async Task PollBuffer_WithAReadersFence_IsReadyForInAndNotForOut()
    {
        (int buffer, _) = await BlockedBufferAsync(Read);
        Assert.Equal(In, (await Fences.PollBufferAsync(new() { Fd = buffer, Events = In | Out, TimeoutNanoseconds = 0 })).Revents);
        Assert.Equal(0u, (await Fences.PollBufferAsync(new() { Fd = buffer, Events = Out, TimeoutNanoseconds = 0 })).Revents);
    }

    [Fact]
    [Statement("S-BUF-13")]
    public async Task PollBuffer_OfAnotherProcess_EndsWhenTheOwnerSignals()
    {
        (int buffer, int timeline) = await BlockedBufferAsync(Write);
        string token = (await Host.Guests().ExportBufferAsync(new() { Fd = buffer })).ShareToken;
        using OpenedProcess other = await OpenedProcess.StartAsync(Host.Tcp());
        int theirs = (await other.Client.ImportBufferAsync(new() { Process = other.Handle, ShareToken = token })).Fd;

        AsyncUnaryCall<PollBufferResponse> poll = new FenceService.FenceServiceClient(Host.Tcp())
            .PollBufferAsync(new() { Process = other.Handle, Fd = theirs, Events = In });
        Eventually(() => Waiting == 1);
        Assert.False(poll.ResponseAsync.IsCompleted);
        await Fences.SignalTimelineAsync(new() { Fd = timeline });

        Assert.Equal(In, (await poll.ResponseAsync.WaitAsync(Patience)).Revents);
        Assert.Equal(0, Waiting);
    }

    [Fact]
    [Statement("S-BUF-13")]
    public async Task PollBuffer_WithTwoFences_GoesOnAfterTheFirstSignal()
    {
        int buffer = await AllocateAsync();
        int timeline = await BlockAsync(buffer, Read);
        int second = await BlockAsync(buffer, Read);

        AsyncUnaryCall<PollBufferResponse> poll = Fences.PollBufferAsync(new() { Fd = buffer, Events = Out });
        Eventually(() => Waiting == 1);
        await Fences.SignalTimelineAsync(new() { Fd = timeline });
        Eventually(() => Waiting == 1);
        Assert.False(poll.ResponseAsync.IsCompleted);
        await Fences.SignalTimelineAsync(new() { Fd = second });

        Assert.Equal(Out, (await poll.ResponseAsync.WaitAsync(Patience)).Revents);
    }

    [Fact]
    public async Task PollBuffer_WhenGuestTimeIsOver_AnswersWithoutEvents()
    {
        (int buffer, _) = await BlockedBufferAsync(Write);
        AsyncUnaryCall<PollBufferResponse> poll = Fences.PollBufferAsync(
            new() { Fd = buffer, Events = In, TimeoutNanoseconds = 5_000_000 });
        Eventually(() => Waiting == 1);
        Host.Time.Advance(TimeSpan.FromMilliseconds(5));
        Assert.Equal(0u, (await poll.ResponseAsync.WaitAsync(Patience)).Revents);
    }

    [Fact]
    public async Task PollBuffer_ThatIsCancelled_LeavesNoWait()
    {
        (int buffer, _) = await BlockedBufferAsync(Write);
        using var given = new CancellationTokenSource();
        AsyncUnaryCall<PollBufferResponse> poll = Fences.PollBufferAsync(
            new() { Fd = buffer, Events = In }, cancellationToken: given.Token);
        Eventually(() => Waiting == 1);
        await given.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await FailsAsync(poll)).StatusCode);
        Eventually(() => Waiting == 0);
    }

    [Fact]
    public async Task PollBuffer_WhenTheGuestIsDestroyed_EndsWithOwnerDead()
    {
        (int buffer, _) = await BlockedBufferAsync(Write);
        AsyncUnaryCall<PollBufferResponse> poll = Fences.PollBufferAsync(new() { Fd = buffer, Events = In });
        Eventually(() => Waiting == 1);
        Assert.Null(Host.Part<GuestRegistry>().Destroy("default"));
        Assert.Equal("EOWNERDEAD", Failures.InfoOf(await FailsAsync(poll)).Reason);
    }

    [Fact]
    public async Task PollBuffer_OfAClosedFd_IsPollnval() =>
        Assert.Equal(Invalid, (await Fences.PollBufferAsync(new() { Fd = 900, Events = In })).Revents);

    [Theory]
    [InlineData("timeline name", "EINVAL", "name")]
    [InlineData("fence on a buffer", "ENOTTY", "fd")]
    [InlineData("signal a closed fd", "EBADF", "fd")]
    [InlineData("export flags", "EINVAL", "flags")]
    [InlineData("export a timeline", "ENOTTY", "fd")]
    [InlineData("import no sync file", "EINVAL", "sync_fd")]
    [InlineData("merge a buffer", "ENOTTY", "fd")]
    [InlineData("merge with a buffer", "ENOENT", "fd2")]
    [InlineData("info of a buffer", "ENOTTY", "fd")]
    [InlineData("poll too long", "EINVAL", "timeout_nanoseconds")]
    [InlineData("process", "EINVAL", "process")]
    public async Task WrongField_IsNamed(string what, string errno, string field)
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(what));
        Google.Rpc.ErrorInfo info = Failures.InfoOf(e);
        Assert.Equal((errno, field), (info.Reason, info.Metadata["field"]));
    }

    private async Task CallAsync(string what)
    {
        int buffer = await AllocateAsync();
        switch (what)
        {
            case "timeline name": await Fences.CreateTimelineAsync(new() { Name = new string('n', 32) }); break;
            case "fence on a buffer": await Fences.CreateFenceAsync(new() { Fd = buffer, Value = 1 }); break;
            case "signal a closed fd": await Fences.SignalTimelineAsync(new() { Fd = 900 }); break;
            case "export flags": await Fences.ExportSyncFileAsync(new() { Fd = buffer, Flags = 4 }); break;
            case "export a timeline": await Fences.ExportSyncFileAsync(new() { Fd = await TimelineAsync(), Flags = Read }); break;
            case "import no sync file": await Fences.ImportSyncFileAsync(new() { Fd = buffer, Flags = Read, SyncFd = buffer }); break;
            case "merge a buffer": await Fences.MergeSyncFileAsync(new() { Fd = buffer, Fd2 = buffer }); break;
            case "merge with a buffer":
                int file = (await Fences.ExportSyncFileAsync(new() { Fd = buffer, Flags = Read })).Fd;
                await Fences.MergeSyncFileAsync(new() { Fd = file, Fd2 = buffer });
                break;
            case "info of a buffer": await Fences.SyncFileInfoAsync(new() { Fd = buffer }); break;
            case "poll too long": await Fences.PollBufferAsync(new() { Fd = buffer, TimeoutNanoseconds = 600_000_000_001 * 2 }); break;
            case "process": await Fences.PollBufferAsync(new() { Process = "x" }); break;
            default: throw new ArgumentOutOfRangeException(nameof(what), what, null);
        }
    }

    private async Task<(int Buffer, int Timeline)> BlockedBufferAsync(uint flags)
    {
        int buffer = await AllocateAsync();
        return (buffer, await BlockAsync(buffer, flags));
    }

    /// <summary>Puts a fence into the buffer that signals when the timeline is raised by one.</summary>
    private async Task<int> BlockAsync(int buffer, uint flags)
    {
        int timeline = await TimelineAsync();
        int fence = (await Fences.CreateFenceAsync(new() { Fd = timeline, Value = 1 })).Fd;
        await Fences.ImportSyncFileAsync(new() { Fd = buffer, Flags = flags, SyncFd = fence });
        return timeline;
    }

    private async Task<int> TimelineAsync() => (await Fences.CreateTimelineAsync(new() { Name = "render" })).Fd;

    private async Task<int> AllocateAsync() => (await Host.Guests().AllocateBufferAsync(new() { Heap = "system", Len = 4096 })).Fd;
}
