using CocoGuest.Tests.Service.Grpc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace CocoGuest.Tests.Service.Fuzz;

/// <summary>The fuzz catches what it looks for, in a service whose handler throws and waits when it is asked to.</summary>
public sealed class FuzzClientTests : IClassFixture<ProbeHost>
{
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

    [Fact]
    public void AllOf_AServer_FindsEveryMethodWithItsTypesAndStreams() =>
        Assert.Equal(
            ["ClientStream ClientStreaming", "Duplex DuplexStreaming", "ServerStream ServerStreaming", "Unary Unary"],
            Methods().Select(m => $"{m.Name} {m.Type}"));

    private FuzzMethod[] Methods() =>
        [.. FuzzMethod.AllOf(_probe.Host.Services.GetRequiredService<EndpointDataSource>()).Where(m => m.Service == "cocoguest.tests.Probe")];
}
