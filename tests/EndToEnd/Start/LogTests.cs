using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CocoGuest.Client;
using CocoGuest.Linux.Processes;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Start;

/// <summary>The server's log as whoever collects it reads it: times, JSON, and events that can be found by their ids.</summary>
public sealed partial class LogTests
{
    [Fact]
    public async Task Log_OfAServersLife_HasTheTimeInEachLine()
    {
        DateTimeOffset before = TimeProvider.System.GetUtcNow();
        string[] lines = await LogOfAsync("text", async connection => await OpenAndExitAsync(connection));

        Assert.All(lines, line => Assert.Matches(TextLine(), line));
        Assert.All(lines, line => Assert.InRange(
            DateTimeOffset.Parse(line[..24], CultureInfo.InvariantCulture), before.AddSeconds(-1), TimeProvider.System.GetUtcNow()));
        Assert.Contains(lines, line => line.Contains("[204] Process 2 of guest default was opened by uid ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task JsonLog_OfGuestsAndProcesses_HasAnEventForEachWithItsFields()
    {
        JsonObject[] events = await EventsOfAsync(async connection =>
        {
            var shape = new V1.GuestShape { Name = "other", Platform = "tdx", Kernel = "7.3", MemoryBytes = 1UL << 30 };
            await connection.Host.CreateGuestAsync(new() { Shape = shape });
            await OpenAndExitAsync(connection);
            await connection.Host.DestroyGuestAsync(new() { Guest = "other" });
        });

        Assert.Equal(["default snp 7.2 4096", "other tdx 7.3 1024"], Fields(events, 203, "Guest", "Platform", "Kernel", "MemoryMiB"));
        Assert.Equal([$"2 default uid {UnixUser.EffectiveId}"], Fields(events, 204, "Pid", "Guest", "Caller"));
        Assert.Equal(["2 default"], Fields(events, 206, "Pid", "Guest"));
        Assert.Equal(["other", "default"], Fields(events, 202, "Guest"));
        Assert.All(events, e => Assert.Matches(Time(), e["Timestamp"]!.ToString()));
    }

    [Fact]
    public async Task JsonLog_OfAForkAndADeath_NamesParentAndCause()
    {
        JsonObject[] events = await EventsOfAsync(async connection =>
        {
            await using GuestProcess parent = await GuestProcess.OpenAsync(connection);
            await connection.Memory.ForkProcessAsync(new() { Process = parent.Handle });
            // Nobody takes the child over, and the grace time is none.
            await GuestCensus.UntilAsync(connection, "", census => census.Objects.Processes == 2);
        });

        Assert.Equal(["3 default 2"], Fields(events, 205, "Pid", "Guest", "Parent"));
        Assert.Equal(["3 default its stream ended and nobody came back"], Fields(events, 200, "Pid", "Guest", "Cause"));
    }

    [Fact]
    public async Task JsonLog_OfAProgram_TellsItsBeginningAndItsEnd()
    {
        JsonObject[] events = await EventsOfAsync(async connection =>
            await ChildProgram.RunAsync(
                Programs.Coco, ["--server", connection.Endpoint, "run", "--guest", "default", "--quiet", "--", "sh", "-c", "exit 7"]));

        string pid = Assert.Single(Fields(events, 207, "HostPid"));
        Assert.Equal([$"{pid} default 7"], Fields(events, 208, "HostPid", "Guest", "ExitStatus"));
    }

    [Fact]
    public async Task JsonLog_OfAStartThatFails_IsJsonAsWell()
    {
        (int exitCode, string output, string said) = await ChildProgram.RunAsync(
            Programs.Server, ["--no-tcp", "--log-format", "json", "--runtime-dir", "/dev/null/no"]);

        JsonNode failed = JsonNode.Parse(Assert.Single(said.Split('\n', StringSplitOptions.RemoveEmptyEntries)))!;
        Assert.Equal((1, "", 6), (exitCode, output, failed["EventId"]!.GetValue<int>()));
    }

    [Fact]
    public async Task LogFormat_ThatThereIsNot_IsRefusedInALine()
    {
        (int exitCode, _, string said) = await ChildProgram.RunAsync(Programs.Server, ["--log-format", "yaml"]);

        Assert.Equal((1, "cocoguest: --log-format: 'yaml' is neither text nor json.\n"), (exitCode, said));
    }

    private static async Task OpenAndExitAsync(CocoConnection connection)
    {
        await using GuestProcess process = await GuestProcess.OpenAsync(connection, "", "a name\nwith a second line");
    }

    private static async Task<JsonObject[]> EventsOfAsync(Func<CocoConnection, Task> act) =>
        [.. (await LogOfAsync("json", act)).Select(line => JsonNode.Parse(line)!.AsObject())];

    // All that a server writes to stderr from its start to its end.
    private static async Task<string[]> LogOfAsync(string format, Func<CocoConnection, Task> act)
    {
        await using ServerProcess server = await ServerProcess.StartAsync("--log-format", format, "--grace-time", "50ms");
        using (CocoConnection connection = server.Connect())
        {
            await act(connection);
        }

        server.Program.Terminate();
        Assert.Equal(0, await server.Program.WaitForExitAsync());
        return server.Program.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static string[] Fields(JsonObject[] events, int id, params string[] names) =>
        [.. events.Where(e => e["EventId"]!.GetValue<int>() == id)
            .Where(e => e["Category"]!.ToString().StartsWith("CocoGuest", StringComparison.Ordinal))
            .Select(e => string.Join(' ', names.Select(name => e["State"]![name]!.ToString())))];

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (trce|dbug|info|warn|fail|crit): [A-Za-z.]+\[\d+\] .")]
    private static partial Regex TextLine();

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
    private static partial Regex Time();
}
