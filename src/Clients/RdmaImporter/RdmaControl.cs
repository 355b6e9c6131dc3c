using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using CocoGuest.Client;
using CocoGuest.Importer;
using CocoGuest.RdmaImporter.Keys;
using CocoGuest.RdmaImporter.Wire;

namespace CocoGuest.RdmaImporter;

/// <summary>The operations of the RDMA importer's line protocol (see the program's help).</summary>
internal sealed class RdmaControl : IAsyncDisposable
{
    private readonly GuestProcess _process;
    private readonly GuestDevice _device;
    private readonly ControlLoop _loop;
    private readonly Hca _hca;
    private readonly BufferTable _buffers;
    private readonly RdmaCounters _counters = new();
    private readonly DmaCounters _dma = new();
    private readonly Dictionary<uint, QueuePair> _queuePairs = [];
    private readonly List<Socket> _listeners = [];
    private readonly CancellationTokenSource _stop = new();
    private uint _nextQueuePair = 1;

    public RdmaControl(GuestProcess process, GuestDevice device, ControlLoop loop)
    {
        _process = process;
        _device = device;
        _loop = loop;
        _hca = new Hca(device, _dma);
        _buffers = new BufferTable(process);
        _buffers.AddTo(loop);
        loop.On("reg", RegisterAsync);
        loop.On("dereg", DeregisterAsync);
        loop.On("alloc-pd", (_, _) => Done(new JsonObject { ["pd"] = _hca.AllocatePd() }));
        loop.On("dealloc-pd", (request, _) => Done(() => _hca.DeallocatePd(request.Number32("pd", 0))));
        loop.On("listen", (request, _) => Done(Listen(request)));
        loop.On("connect", ConnectAsync);
        loop.On("disconnect", DisconnectAsync);
        loop.On("write", (request, cancel) =>
            PostAsync(request, (qp, a) => qp.WriteAsync(a.Lkey, a.Local, a.Rkey, a.Remote, a.Length, cancel)));
        loop.On("read", (request, cancel) =>
            PostAsync(request, (qp, a) => qp.ReadAsync(a.Lkey, a.Local, a.Rkey, a.Remote, a.Length, cancel)));
        loop.On("stats", (_, _) => Done(Stats()));
        _counters.OnRefused += status => loop.Event("refused", Describe(status));
        process.MemoryRevoked += (id, reason) => loop.Event("revoked", new JsonObject { ["backingId"] = id, ["reason"] = reason });
    }

    public Task<int> RunAsync(CancellationToken cancel)
    {
        _loop.Ready(new JsonObject
        {
            ["program"] = "rdma-importer",
            ["pid"] = Environment.ProcessId,
            ["process"] = _process.Handle,
            ["guestPid"] = _process.Pid,
            ["device"] = _device.Name,
        });
        return _loop.RunAsync(_process, cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (Socket listener in _listeners)
            listener.Dispose();
        foreach (QueuePair queuePair in _queuePairs.Values)
            await queuePair.DisposeAsync();
        await _hca.DisposeAsync();
        await _buffers.DisposeAsync();
        _stop.Dispose();
    }

    private async Task<JsonObject> RegisterAsync(ControlRequest request, CancellationToken cancel)
    {
        int fd = (int)request.Number32("fd", 0);
        GuestBuffer? buffer = _buffers.Find(fd);
        ulong offset = request.NumberOrNull("offset") ?? 0;
        Registration registration = await _hca.RegisterAsync(
            new RegistrationRequest(
                request.Number32("pd", 1),
                fd,
                offset,
                request.NumberOrNull("length") ?? (buffer is null || offset > buffer.Size ? 0 : buffer.Size - offset),
                request.NumberOrNull("iova") ?? offset,
                (AccessFlags)request.Number32("access", (uint)(AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead)),
                request.Number32("cpu", 0),
                MaxPage(request)),
            buffer,
            cancel);
        TranslationTable table = registration.Region.Table;
        return new JsonObject
        {
            ["lkey"] = registration.Key,
            ["rkey"] = registration.Rkey,
            ["iova"] = table.Iova,
            ["length"] = table.Length,
            ["pageSize"] = table.PageSize,
            ["entries"] = table.Entries.Count,
            ["bounced"] = registration.Mapping.Bounced,
            ["direct"] = registration.Mapping.IsDirect,
        };
    }

    private static ulong MaxPage(ControlRequest request)
    {
        ulong page = request.NumberOrNull("maxPage") ?? Hca.MaxPage;
        return page >= TranslationTable.MinPage && page <= 1UL << 62 && ulong.IsPow2(page)
            ? page
            : throw new CocoException(22, "EINVAL", "request", "fields", "'maxPage' must be a power of two from 4096 up.")
            {
                Field = "maxPage",
            };
    }

    private async Task<JsonObject> DeregisterAsync(ControlRequest request, CancellationToken cancel)
    {
        await _hca.DeregisterAsync(request.Number32("lkey", 0));
        return [];
    }

    private JsonObject Listen(ControlRequest request)
    {
        uint pd = request.Number32("pd", 1);
        _hca.HoldPd(pd);
        Socket listener = Endpoint.Listen(request);
        _listeners.Add(listener);
        _ = AcceptAsync(listener, pd);
        return listener.LocalEndPoint is IPEndPoint tcp
            ? new JsonObject { ["port"] = tcp.Port }
            : new JsonObject { ["path"] = request.Text("path") };
    }

    private async Task AcceptAsync(Socket listener, uint pd)
    {
        try
        {
            while (true)
                _ = ServePeerAsync(await listener.AcceptAsync(_stop.Token), pd);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The program ends.
        }
    }

    private async Task ServePeerAsync(Socket socket, uint pd)
    {
        try
        {
            await using var stream = new NetworkStream(socket, ownsSocket: true);
            await new Responder(_hca.Keys, pd, _counters).ServeAsync(stream, _stop.Token);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or CocoException or OperationCanceledException)
        {
            // A peer that breaks off or talks nonsense loses its connection; others are served on.
            _loop.Event("peer-lost", new JsonObject { ["message"] = e.Message });
        }
    }

    private async Task<JsonObject> ConnectAsync(ControlRequest request, CancellationToken cancel)
    {
        uint pd = request.Number32("pd", 1);
        _hca.HoldPd(pd);
        uint number = _nextQueuePair++;
        _queuePairs.Add(number, new QueuePair(await Endpoint.ConnectAsync(request, cancel), _hca.Keys, pd, _counters));
        return new JsonObject { ["qp"] = number };
    }

    private async Task<JsonObject> DisconnectAsync(ControlRequest request, CancellationToken cancel)
    {
        QueuePair queuePair = FindQueuePair(request);
        _queuePairs.Remove(request.Number32("qp", 0));
        _hca.DropPd(queuePair.Pd);
        await queuePair.DisposeAsync();
        return [];
    }

    private async Task<JsonObject> PostAsync(ControlRequest request, Func<QueuePair, WorkRequest, Task<CompletionStatus>> post) =>
        Describe(await post(FindQueuePair(request), new WorkRequest(
            request.Number32("lkey", 0),
            request.Number("local"),
            request.Number32("rkey", 0),
            request.Number("remote"),
            request.Number("length"))));

    private QueuePair FindQueuePair(ControlRequest request) => _queuePairs.TryGetValue(request.Number32("qp", 0), out QueuePair? queuePair)
        ? queuePair
        : throw new CocoException(22, "EINVAL", "post_send", "qp", $"There is no queue pair {request.Number32("qp", 0)}.") { Field = "qp" };

    private JsonObject Stats() => new()
    {
        ["sentBytes"] = _counters.SentBytes,
        ["receivedBytes"] = _counters.ReceivedBytes,
        ["writtenByPeerBytes"] = _counters.WrittenByPeerBytes,
        ["readByPeerBytes"] = _counters.ReadByPeerBytes,
        ["refusedRequests"] = _counters.RefusedRequests,
        ["dmaDirectBytes"] = _dma.DirectBytes,
        ["dmaServerBytes"] = _dma.ServerBytes,
        ["cpuDirectBytes"] = _buffers.DirectBytes,
        ["cpuServerBytes"] = _buffers.ServerBytes,
    };

    private static JsonObject Describe(CompletionStatus status) => new() { ["status"] = (int)status, ["name"] = status.ToString() };

    private static Task<JsonObject> Done(JsonObject result) => Task.FromResult(result);

    private static Task<JsonObject> Done(Action run)
    {
        run();
        return Done([]);
    }

    private readonly record struct WorkRequest(uint Lkey, ulong Local, uint Rkey, ulong Remote, ulong Length);
}
