using System.Text.Json.Nodes;
using CocoGuest.Client;
using CocoGuest.DrmImporter.Jobs;
using CocoGuest.DrmImporter.Prime;
using CocoGuest.Importer;

namespace CocoGuest.DrmImporter;

/// <summary>The operations of the DRM importer's line protocol (see the program's help).</summary>
internal sealed class DrmControl : IAsyncDisposable
{
    private readonly GuestProcess _process;
    private readonly GuestDevice _device;
    private readonly ControlLoop _loop;
    private readonly BufferTable _buffers;
    private readonly PrimeFile _file;
    private readonly JobQueue _queue = new();
    private readonly DmaCounters _counters = new();

    public DrmControl(GuestProcess process, GuestDevice device, ControlLoop loop)
    {
        _process = process;
        _device = device;
        _loop = loop;
        _buffers = new BufferTable(process);
        _file = new PrimeFile(new GuestPrimeBackend(_buffers, device, _counters));
        var jobs = new JobFactory(_file);
        _buffers.AddTo(loop);
        loop.On("fd-to-handle", FdToHandleAsync);
        loop.On("handle-to-fd", HandleToFdAsync);
        loop.On("export", ExportAsync);
        loop.On("gem-close", GemCloseAsync);
        loop.On("fill", (request, _) => Submit(jobs.Fill(request)));
        loop.On("copy", (request, _) => Submit(jobs.Copy(request)));
        loop.On("checksum", (request, _) => Submit(jobs.Checksum(request)));
        loop.On("convolve", (request, _) => Submit(jobs.Convolve(request)));
        loop.On("wait", WaitAsync);
        loop.On("stats", (_, _) => Task.FromResult(Stats()));
        _queue.Signalled += fence => loop.Event("fence", fence);
        process.MemoryRevoked += (id, reason) => loop.Event("revoked", new JsonObject { ["backingId"] = id, ["reason"] = reason });
    }

    public Task<int> RunAsync(CancellationToken cancel)
    {
        _loop.Ready(new JsonObject
        {
            ["program"] = "drm-importer",
            ["pid"] = Environment.ProcessId,
            ["process"] = _process.Handle,
            ["guestPid"] = _process.Pid,
            ["device"] = _device.Name,
        });
        return _loop.RunAsync(_process, cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await _queue.DisposeAsync();
        await _file.DisposeAsync();
        await _device.DisposeAsync();
        await _buffers.DisposeAsync();
    }

    private async Task<JsonObject> FdToHandleAsync(ControlRequest request, CancellationToken cancel)
    {
        (uint handle, bool cached) = await _file.ImportAsync((int)request.Number32("fd", 0), cancel);
        IPrimeMapping mapping = _file.Find(handle, "drm_prime_fd_to_handle").Mapping;
        return new JsonObject
        {
            ["handle"] = handle,
            ["cached"] = cached,
            ["size"] = mapping.Size,
            ["segments"] = mapping.Segments,
            ["bounced"] = mapping.Bounced,
            ["direct"] = mapping.IsDirect,
        };
    }

    private async Task<JsonObject> HandleToFdAsync(ControlRequest request, CancellationToken cancel)
    {
        int fd = await _file.ExportAsync(request.Number32("handle", 0), request.Number32("flags", 0), cancel);
        return BufferTable.Describe(_buffers.Get(fd));
    }

    private async Task<JsonObject> ExportAsync(ControlRequest request, CancellationToken cancel) =>
        new() { ["token"] = await _buffers.Get((int)request.Number32("fd", 0)).ExportAsync(cancel: cancel) };

    private async Task<JsonObject> GemCloseAsync(ControlRequest request, CancellationToken cancel)
    {
        await _file.CloseAsync(request.Number32("handle", 0));
        return [];
    }

    private Task<JsonObject> Submit(Job job) =>
        Task.FromResult(new JsonObject { ["context"] = JobQueue.Context, ["seqno"] = _queue.Submit(job) });

    private async Task<JsonObject> WaitAsync(ControlRequest request, CancellationToken cancel)
    {
        ulong seqno = request.Number("seqno");
        Task<JsonObject> fence = _queue.Fence(seqno)
            ?? throw new CocoException(2, "ENOENT", "wait", "fence", $"No job has the sequence number {seqno}.") { Field = "seqno" };
        return (await fence.WaitAsync(cancel)).DeepClone().AsObject();
    }

    private JsonObject Stats() => new()
    {
        ["dmaDirectBytes"] = _counters.DirectBytes,
        ["dmaServerBytes"] = _counters.ServerBytes,
        ["cpuDirectBytes"] = _buffers.DirectBytes,
        ["cpuServerBytes"] = _buffers.ServerBytes,
        ["objects"] = _file.Objects.Count(),
    };
}
