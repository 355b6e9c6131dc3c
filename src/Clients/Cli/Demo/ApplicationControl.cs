using System.Text.Json.Nodes;
using CocoGuest.Client;
using CocoGuest.Imaging;
using CocoGuest.Importer;
using CocoGuest.Machine.Memory.Encryption;
using CocoGuest.V1;

namespace CocoGuest.Cli.Demo;

/// <summary>
/// The application of the demo, a process of its own: allocates buffers, shares them by token, brackets its accesses with syncs, and saves
/// pictures. It speaks the importers' line protocol.
/// </summary>
internal sealed class ApplicationControl : IAsyncDisposable
{
    private readonly GuestProcess _process;
    private readonly ControlLoop _loop;
    private readonly BufferTable _buffers;

    public ApplicationControl(GuestProcess process, ControlLoop loop)
    {
        _process = process;
        _loop = loop;
        _buffers = new BufferTable(process);
        _buffers.AddTo(loop);
        loop.On("export", async (request, cancel) =>
            new JsonObject { ["token"] = await Buffer(request).ExportAsync(cancel: cancel) });
        loop.On("sync", SyncAsync);
        loop.On("stat", StatAsync);
        loop.On("save-picture", SavePictureAsync);
        loop.On("stats", (_, _) => Task.FromResult(new JsonObject
        {
            ["cpuDirectBytes"] = _buffers.DirectBytes,
            ["cpuServerBytes"] = _buffers.ServerBytes,
        }));
    }

    public Task<int> RunAsync(CancellationToken cancel)
    {
        _loop.Ready(new JsonObject { ["program"] = "application", ["pid"] = Environment.ProcessId, ["process"] = _process.Handle });
        return _loop.RunAsync(_process, cancel);
    }

    public ValueTask DisposeAsync() => _buffers.DisposeAsync();

    private GuestBuffer Buffer(ControlRequest request) => _buffers.Get((int)request.Number32("fd", 0));

    private async Task<JsonObject> SyncAsync(ControlRequest request, CancellationToken cancel)
    {
        SyncBufferResponse moved = await Buffer(request).SyncAsync((SyncFlags)request.Number32("flags", 0), cancel);
        return new JsonObject { ["bytesToBuffer"] = moved.BytesToBuffer, ["bytesToDevice"] = moved.BytesToDevice };
    }

    private async Task<JsonObject> StatAsync(ControlRequest request, CancellationToken cancel)
    {
        StatBufferResponse stat = await Buffer(request).StatAsync(cancel);
        IEnumerable<JsonObject> chunks =
            stat.Chunks.Select(c => new JsonObject { ["address"] = c.GuestPhysicalAddress, ["length"] = c.Length });
        return new JsonObject
        {
            ["size"] = stat.Size,
            ["shared"] = stat.Shared,
            ["hostVisible"] = stat.HostVisible,
            ["attachedDevices"] = new JsonArray([.. stat.AttachedDevices.Select(d => JsonValue.Create(d))]),
            ["chunks"] = new JsonArray([.. chunks]),
        };
    }

    // Without "path" only the digest is taken.
    private async Task<JsonObject> SavePictureAsync(ControlRequest request, CancellationToken cancel)
    {
        var picture = new Picture(new PictureLayout(request.Pixels("width"), request.Pixels("height")));
        await _buffers.ReadAsync((int)request.Number32("fd", 0), 0, picture.Pixels, cancel);
        if (request.TextOrNull("path") is { } path)
            await File.WriteAllBytesAsync(path, PictureFile.EncodePng(picture), cancel);
        return new JsonObject { ["digest"] = Digest(picture) };
    }

    /// <summary>SHA-256 of the pixels, X bytes included, row padding not.</summary>
    public static string Digest(Picture picture)
    {
        var hash = new Sha256();
        for (int y = 0; y < picture.Layout.Height; y++)
            hash.Append(picture.Row(y));
        return Convert.ToHexStringLower(hash.Finish());
    }
}
