using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Start;

/// <summary>What a server has loaded once it serves: OpenTelemetry's libraries only when somebody asked for telemetry.</summary>
public sealed class LoadedLibrariesTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true, "--metrics", "127.0.0.1:0")]
    [InlineData(true, "--otlp-endpoint", "http://127.0.0.1:1")]
    public async Task Start_LoadsOpenTelemetryOnlyWhenItIsAskedFor(bool loaded, params string[] options)
    {
        await using ServerProcess server = await ServerProcess.StartAsync(options);

        string maps = await File.ReadAllTextAsync($"/proc/{server.Program.Pid}/maps");

        Assert.Contains("/Grpc.AspNetCore.Server.dll", maps, StringComparison.Ordinal);
        Assert.Equal(loaded, maps.Contains("/OpenTelemetry", StringComparison.Ordinal));
        // A small image has none.
        Assert.DoesNotContain("/libssl", maps, StringComparison.Ordinal);
    }
}
