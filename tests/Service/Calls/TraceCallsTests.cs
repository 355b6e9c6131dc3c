using CocoGuest.Service.Streams;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Google.Rpc;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>Trace events over gRPC: switching, reading the ring, following it, both ends of a stream.</summary>
public sealed class TraceCallsTests : ServerTest
{
    private TraceService.TraceServiceClient Trace => new(Host.Unix());

    [Fact]
    public async Task SetTraceEvents_ASystem_TurnsItsEventsOnAndOff()
    {
        SetTraceEventsResponse on = await Trace.SetTraceEventsAsync(new() { Events = { "dma_buf" } });
        SetTraceEventsResponse off = await Trace.SetTraceEventsAsync(new() { Events = { "dma_buf_put", "dma_buf_fd" }, On = false });
        const string System = "dma_buf:";
        IEnumerable<string> names = on.Known.Where(e => e.StartsWith(System, StringComparison.Ordinal)).Select(e => e[System.Length..]);
        string[] known = [.. names.Order(StringComparer.Ordinal)];
        Assert.NotEmpty(known);
        Assert.Equal(known, on.Enabled);
        Assert.Equal(known.Except(["dma_buf_put", "dma_buf_fd"]), off.Enabled);
    }

    [Fact]
    public async Task SetTraceEvents_OneUnknown_SwitchesNone()
    {
        RpcException e = await FailsAsync(Trace.SetTraceEventsAsync(new() { Events = { "dma", "dma_fly" } }));
        ErrorInfo info = Failures.InfoOf(e);
        Assert.Equal((StatusCode.InvalidArgument, "EINVAL", "events"), (e.StatusCode, info.Reason, info.Metadata["field"]));
        Assert.Empty((await Trace.SetTraceEventsAsync(new())).Enabled);
    }

    [Fact]
    [Statement("S-TRC-60")]
    [Statement("S-TRC-80")]
    public async Task StreamTrace_OnlyPresent_GivesTheKernelsLinesAndEnds()
    {
        await Trace.SetTraceEventsAsync(new() { Events = { "dma_buf:dma_buf_export" } });
        await Host.Guests().AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 8192 });
        using FollowedGuest<StreamTraceResponse> stream = await FollowAsync(new() { OnlyPresent = true });
        StreamTraceResponse? first = await stream.NextAsync();
        TraceLine line = Assert.Single(first!.Lines.Lines);
        Assert.Equal((1ul, "dma_buf_export", 0ul), (line.Sequence, line.Name, first.Lines.Lost));
        Assert.StartsWith("exp_name=system_cc_shared size=8192 ino=", line.Text, StringComparison.Ordinal);
        Assert.EndsWith($": dma_buf_export: {line.Text}", line.Line, StringComparison.Ordinal);
        Assert.Contains($"{line.Task}-{line.Pid} ", line.Line, StringComparison.Ordinal);
        Assert.Null(await stream.NextAsync());
    }

    [Fact]
    public async Task StreamTrace_FromASequence_LeavesOutWhatWasBefore()
    {
        await Trace.SetTraceEventsAsync(new() { Events = { "dma_buf_export" } });
        for (int i = 0; i < 3; i++)
        {
            await Host.Guests().AllocateBufferAsync(new() { Heap = "system", Len = 1 });
        }

        using FollowedGuest<StreamTraceResponse> stream = await FollowAsync(new() { FromSequence = 3, OnlyPresent = true });
        Assert.Equal([3ul], (await stream.NextAsync())!.Lines.Lines.Select(l => l.Sequence));
    }

    [Fact]
    public async Task StreamTrace_BehindTheRing_CountsWhatIsLost()
    {
        const int Events = Machine.Diagnostics.GuestTrace.Capacity + 8;
        await Trace.SetTraceEventsAsync(new() { Events = { "dma_buf_export" } });
        Machine.Guest guest = Host.Part<Machine.GuestRegistry>().Find("").Value;
        for (int i = 0; i < Events; i++)
        {
            Machine.DmaBufs.BufferHandle buffer = guest.Heaps.Allocate(guest.Processes.Init, "system", 1, 2, 0).Value;
            Assert.Null(guest.Buffers.Release(guest.Processes.Init, buffer.Fd));
        }

        using FollowedGuest<StreamTraceResponse> stream = await FollowAsync(new() { OnlyPresent = true });
        List<TraceLines> all = [];
        while (await stream.NextAsync() is { } next)
        {
            all.Add(next.Lines);
        }

        Assert.Equal((8ul, 9ul), (all[0].Lost, all[0].Lines[0].Sequence));
        Assert.All(all.Skip(1), l => Assert.Equal(0ul, l.Lost));
        Assert.Equal(Machine.Diagnostics.GuestTrace.Capacity, all.Sum(l => l.Lines.Count));
    }

    [Fact]
    public async Task StreamTrace_Following_GivesNewEventsAndTheGuestsEnd()
    {
        await Trace.SetTraceEventsAsync(new() { Events = { "dma_buf_export", "dma_buf_detach" } });
        using FollowedGuest<StreamTraceResponse> stream = await FollowAsync(new());
        AllocateBufferResponse buffer = await Host.Guests().AllocateBufferAsync(new() { Heap = "system", Len = 1 });
        await Host.Guests().AttachAsync(new() { Fd = buffer.Fd });
        Assert.Equal("dma_buf_export", Assert.Single((await stream.NextAsync())!.Lines.Lines).Name);
        await new HostService.HostServiceClient(Host.Unix()).DestroyGuestAsync(new() { Guest = "default" });
        Assert.Equal("dma_buf_detach", Assert.Single((await stream.NextAsync())!.Lines.Lines).Name);
        Assert.Equal("destroyed", (await stream.NextAsync())!.GuestEnded.Reason);
        Assert.Null(await stream.NextAsync());
        Eventually(() => Host.Part<GuestFollowers>().Count == 0);
    }

    [Fact]
    public async Task StreamTrace_ThatItsClientCancels_IsForgotten()
    {
        using var given = new CancellationTokenSource();
        using FollowedGuest<StreamTraceResponse> stream =
            await FollowedGuest<StreamTraceResponse>.StartAsync(Trace.StreamTrace(new(), cancellationToken: given.Token));
        Assert.Equal(1, Host.Part<GuestFollowers>().Count);
        await given.CancelAsync();
        RpcException e = await Assert.ThrowsAsync<RpcException>(stream.NextAsync);
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
        Eventually(() => Host.Part<GuestFollowers>().Count == 0);
    }

    [Fact]
    public async Task StreamTrace_OfNoGuest_NamesTheField()
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () =>
            await Trace.StreamTrace(new() { Guest = "nobody" }).ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience));
        Assert.Equal((StatusCode.NotFound, "guest"), (e.StatusCode, Failures.InfoOf(e).Metadata["field"]));
    }

    private Task<FollowedGuest<StreamTraceResponse>> FollowAsync(StreamTraceRequest request) =>
        FollowedGuest<StreamTraceResponse>.StartAsync(Trace.StreamTrace(request));
}
