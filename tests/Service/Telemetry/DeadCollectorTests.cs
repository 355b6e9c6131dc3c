using CocoGuest.Service.Options;
using CocoGuest.Tests.Service.Hosting;

namespace CocoGuest.Tests.Service.Telemetry;

/// <summary>A collector that nobody runs is mentioned, once.</summary>
public sealed class DeadCollectorTests : ServerTest
{
    private const int CollectorUnreachable = 5;

    [Fact]
    public async Task Start_CollectorThatIsNotThere_WarnsOnceAndNamesIt()
    {
        Host.Logs.Expected.Add(CollectorUnreachable);
        await Host.Guests().ListHeapsAsync(new());
        Eventually(() => Host.Logs.Records.Count > 0);

        // Traces, metrics and logs are sent at the end, each for itself.
        await Host.StopAsync();

        Assert.Contains("127.0.0.1:1", Assert.Single(Host.Logs.Records).Text, StringComparison.Ordinal);
    }

    internal override void Configure(ServerOptions options) => options.OtlpEndpoint = new Uri("http://127.0.0.1:1");
}
