using CocoGuest.Linux.Events;
using CocoGuest.Tests.Service.Probing;
using CocoGuest.Tests.Service.Hosting;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Service.Fuzz;

/// <summary>
/// The fuzz catches what it looks for, in a service whose handler throws and waits when it is asked to, or forgets things.
/// </summary>
[Collection(ServerTest.Name)]
public sealed class FuzzClientTests : IClassFixture<ProbeHost>
{
    private const int PerCall = 256 << 10;
    private readonly ProbeHost _probe;

    public FuzzClientTests(ProbeHost probe) => _probe = probe;

    [Fact]
    public async Task Planted_HandlerThatThrows_IsFound()
    {
        IReadOnlyList<FuzzMethod> methods = Methods();
        var client = new FuzzClient(_probe.Host.Channel(Transport.UnixSocket).CreateCallInvoker(), methods, 1, _ => Task.CompletedTask);

        await client.RunAsync(400);

        Assert.Contains(client.Findings, f => f.Contains("/cocoguest.tests.Probe/Unary ended with Unknown", StringComparison.Ordinal));
    }

    /// <summary>One watch in some 5,000 that the client gave up ended so: no word of the server's.</summary>
    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 2)]
    public async Task Aborted_ByTheClientItself_IsNoFinding(bool onlyWhenCancelled, int findings)
    {
        using var channel = GrpcChannel.ForAddress(
            "http://localhost", new GrpcChannelOptions { HttpHandler = new AbortedStreams(onlyWhenCancelled), DisposeHttpClient = true });
        FuzzMethod[] watch = [.. Methods().Where(m => m.Name == "ServerStream")];
        var client = new FuzzClient(channel.CreateCallInvoker(), watch, 1, _ => Task.CompletedTask);

        await client.RunAsync(2);

        Assert.Equal(findings, client.Findings.Count(f => f.Contains("The request was aborted", StringComparison.Ordinal)));
        Assert.Equal(findings, client.Findings.Count);
    }

    [Fact]
    public async Task Planted_HandlerThatForgetsAnFd_IsFound()
    {
        var forgotten = new List<SafeFileHandle>();
        Assert.Null(await BoundsAfterCallsAsync(0));
        try
        {
            string? bounds = await BoundsAfterCallsAsync(20, () => Add(forgotten, EventFd.Create()));
            Assert.Contains("fds more are open", bounds, StringComparison.Ordinal);
        }
        finally
        {
            forgotten.ForEach(h => h.Dispose());
        }
    }

    [Fact]
    public async Task Planted_HandlerThatKeepsMemory_IsFound()
    {
        var kept = new List<byte[]>();

        Assert.Null(await BoundsAfterCallsAsync(400));
        Assert.Contains("The heap grew by", await BoundsAfterCallsAsync(400, () => Add(kept, new byte[PerCall])), StringComparison.Ordinal);

        GC.KeepAlive(kept);
    }

    [Fact]
    public void AllOf_AServer_FindsEveryMethodWithItsTypesAndStreams() =>
        Assert.Equal(
            ["ClientStream ClientStreaming", "Duplex DuplexStreaming", "ServerStream ServerStreaming", "Unary Unary"],
            Methods().Select(m => $"{m.Name} {m.Type}"));

    // A bug of this size is far below what one call may cost for a while, and above the bound in the sum.
    private async Task<string?> BoundsAfterCallsAsync(int calls, Action? bug = null)
    {
        FuzzClient client = Client();
        await client.RunAsync(100);
        var bounds = new FuzzBounds(WireFuzzTests.MostGrowthOfShortRuns);
        _probe.Service.OnEachCall = bug;
        try
        {
            await client.RunAsync(calls);
        }
        finally
        {
            _probe.Service.OnEachCall = null;
        }

        return bounds.Broken();
    }

    // Calls come in on many threads.
    private static void Add<T>(List<T> list, T item)
    {
        lock (list)
        {
            list.Add(item);
        }
    }

    private FuzzClient Client() =>
        new(_probe.Host.Channel(Transport.UnixSocket).CreateCallInvoker(), Methods(), 1, _ => Task.CompletedTask)
        {
            MostFindings = int.MaxValue,
        };

    private FuzzMethod[] Methods() =>
        [.. FuzzMethod.AllOf(_probe.Host.Services.GetRequiredService<EndpointDataSource>())
            .Where(m => m.Service == "cocoguest.tests.Probe")];
}
