using System.Net;
using CocoGuest.Service.Hosting;
using CocoGuest.Service.Options;
using CocoGuest.Service.Starting;
using CocoGuest.Service.Telemetry;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace CocoGuest.Tests.Service.Telemetry;

/// <summary>What <see cref="MetricsPort"/> serves where, and what it does not.</summary>
public sealed class MetricsPortTests : ServerTest
{
    private static readonly Uri ListHeaps = new("/cocoguest.v1.GuestService/ListHeaps", UriKind.Relative);

    [Fact]
    public async Task Get_AfterACall_GivesItsCountAndWhatLives()
    {
        await Host.Guests().ListHeapsAsync(new());
        await FailsAsync(Host.Guests().ReleaseAsync(new() { Fd = 9 }));
        using HttpClient http = Client(Host.Server.MetricsAddress!);

        string text;
        do
        {
            // A call is counted when the server is done with it, which may be after its client has the answer.
            text = await http.GetStringAsync(Metrics);
        }
        while (!text.Contains("errno=\"EBADF\"", StringComparison.Ordinal));

        Assert.Matches("""(?m)^cocoguest_calls_total\{.*errno="".*rpc_method="/cocoguest.v1.GuestService/ListHeaps".*\} 1""", text);
        Assert.Matches("(?m)^cocoguest_guests.* 1( |$)", text);
        Assert.Contains("\nprocess_cpu_time_seconds_total", text, StringComparison.Ordinal);
        Assert.Contains("\ndotnet_gc_collections_total", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MetricsPort_OfGrpc_ServesNothing()
    {
        using HttpClient http = Client(Host.Server.MetricsAddress!);
        using var body = new ByteArrayContent(new byte[5]);
        body.Headers.ContentType = new("application/grpc");

        Assert.Equal(HttpStatusCode.NotFound, (await http.PostAsync(ListHeaps, body)).StatusCode);

        using var channel = GrpcChannel.ForAddress(Host.Server.MetricsAddress!);
        RpcException e = await FailsAsync(new GuestService.GuestServiceClient(channel).ListHeapsAsync(new()));
        Assert.NotEqual(StatusCode.OK, e.StatusCode);
    }

    [Theory]
    [InlineData("1.1", HttpStatusCode.BadRequest)]
    [InlineData("2.0", HttpStatusCode.NotFound)]
    public async Task GrpcPort_OfMetrics_ServesNothing(string version, HttpStatusCode answer)
    {
        using HttpClient http = Client(Host.Server.TcpAddress!);
        http.DefaultRequestVersion = Version.Parse(version);
        http.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;

        Assert.Equal(answer, (await http.GetAsync(Metrics)).StatusCode);
    }

    [Fact]
    public async Task OtherPath_IsNotFound()
    {
        using HttpClient http = Client(Host.Server.MetricsAddress!);

        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(new Uri("/", UriKind.Relative))).StatusCode);
    }

    [Fact]
    public async Task NoTcp_LeavesTheMetricsPort()
    {
        TestServer server = await StartAsync(o => (o.Tcp, o.Metrics) = (null, new(IPAddress.Loopback, 0)));
        using HttpClient http = Client(server.Server.MetricsAddress!);

        Assert.Null(server.Server.TcpAddress);
        Assert.Contains("cocoguest_guests", await http.GetStringAsync(Metrics), StringComparison.Ordinal);
    }

    [Fact]
    public async Task NotAskedFor_IsNotThere()
    {
        TestServer server = await StartAsync(_ => { });

        Assert.Null(server.Server.MetricsAddress);
        Assert.DoesNotContain("metrics", StartupBanner.Text(server.Server), StringComparison.Ordinal);
    }

    [Fact]
    public async Task BusyPort_IsOneSentenceWithTheAddressAndTheOption()
    {
        var endpoint = new IPEndPoint(IPAddress.Loopback, Host.Server.MetricsAddress!.Port);
        StartupException e = await Assert.ThrowsAsync<StartupException>(() => TestServer.StartAsync(o => o.Metrics = endpoint));

        Assert.Contains($"{endpoint} is in use", e.Message, StringComparison.Ordinal);
        Assert.Contains("--metrics", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Banner_NamesTheAddress()
    {
        string line = $"metrics    http://127.0.0.1:{Host.Server.MetricsAddress!.Port}/metrics";
        Assert.Contains(line, StartupBanner.Text(Host.Server), StringComparison.Ordinal);
    }

    internal override void Configure(ServerOptions options) => options.Metrics = new(IPAddress.Loopback, 0);

    private static Uri Metrics => new(MetricsPort.Path, UriKind.Relative);

    private static HttpClient Client(Uri address) => new() { BaseAddress = address, Timeout = Patience };
}
