using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace CocoGuest.Tests.Service.Processes;

/// <summary>An OpenProcess stream in a test's hands.</summary>
internal sealed class OpenedProcess : IDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly AsyncServerStreamingCall<OpenProcessResponse> _call;

    private OpenedProcess(GuestService.GuestServiceClient client, OpenProcessRequest request)
    {
        Client = client;
        _call = client.OpenProcess(request, cancellationToken: _end.Token);
    }

    public GuestService.GuestServiceClient Client { get; }

    public ProcessOpened Opened { get; private set; } = new();

    public string Handle => Opened.Process;

    public static async Task<OpenedProcess> StartAsync(GrpcChannel channel, OpenProcessRequest? request = null)
    {
        var process = new OpenedProcess(new GuestService.GuestServiceClient(channel), request ?? new OpenProcessRequest());
        try
        {
            process.Opened = (await process.NextAsync())!.Opened;
            return process;
        }
        catch
        {
            process.Dispose();
            throw;
        }
    }

    public static Task<OpenedProcess> RejoinAsync(GrpcChannel channel, ProcessOpened before, string? secret = null) =>
        StartAsync(channel, new OpenProcessRequest { Process = before.Process, Secret = secret ?? before.Secret });

    /// <summary>The next event, or null at the stream's good end.</summary>
    public async Task<OpenProcessResponse?> NextAsync() =>
        await _call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(ServerTest.Patience) ? _call.ResponseStream.Current : null;

    /// <summary>Breaks the stream, as a crash does.</summary>
    public void Break() => _end.Cancel();

    public void Dispose()
    {
        _end.Cancel();
        _call.Dispose();
        _end.Dispose();
    }
}
