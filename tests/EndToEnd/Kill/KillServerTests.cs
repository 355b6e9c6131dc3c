using System.Text.Json.Nodes;
using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Kill;

/// <summary>
/// The end of the server: each client is told of it while it waits, before it asks for anything, and its next call is an error at once.
/// </summary>
public sealed class KillServerTests(PythonStubs stubs) : IClassFixture<PythonStubs>
{
    [Theory]
    [InlineData("application", Transport.Unix)]
    [InlineData("rdma-importer", Transport.Unix)]
    [InlineData("rdma-importer", Transport.Tcp)]
    [InlineData("drm-importer", Transport.Unix)]
    [InlineData("drm-importer", Transport.Tcp)]
    public async Task Kill_Server_OurClientsSaySoUnasked(string program, Transport transport)
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        string target = transport == Transport.Unix ? server.Unix : $"http://{server.Tcp}";
        await using LineProgram client = StartOurs(program, target);
        await client.ReadyAsync();
        int fd = (await client.CallAsync("alloc", new() { ["heap"] = "system_cc_shared", ["len"] = 65536 }))["fd"]!.GetValue<int>();
        await client.CallAsync("store", new() { ["fd"] = fd, ["data"] = "AAAA" });

        server.Program.Kill();
        JsonNode gone = await client.EventAsync("server-gone");

        Assert.NotEqual("", gone["reason"]!.ToString());
        Assert.Equal(3, await client.Program.WaitForExitAsync());
    }

    [ForeignTheory(ForeignTool.Python)]
    [InlineData(Transport.Unix)]
    [InlineData(Transport.Tcp)]
    public async Task Kill_Server_PythonClientSaysSoUnasked(Transport transport)
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        await using ChildProgram client = stubs.Start("watch", server.Target(transport));

        JsonNode ended = await KillUnderAsync(server, client);

        Assert.Equal(
            ("UNAVAILABLE", "UNAVAILABLE", 0),
            (ended["code"]!.ToString(), ended["next_call"]!.ToString(), ended["broker_end"]!.GetValue<int>()));
    }

    [ForeignTheory(ForeignTool.Node | ForeignTool.NodeGrpc)]
    [InlineData(Transport.Unix)]
    [InlineData(Transport.Tcp)]
    public async Task Kill_Server_NodeClientSaysSoUnasked(Transport transport)
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        await using ChildProgram client = NodeClient.Start("watch", server.Target(transport));

        JsonNode ended = await KillUnderAsync(server, client);

        Assert.Equal(("UNAVAILABLE", "UNAVAILABLE"), (ended["code"]!.ToString(), ended["next_call"]!.ToString()));
    }

    [Fact]
    public async Task Kill_ServerUnderTheDemo_DemoEndsWithAnErrorThatSaysSo()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        using Client.CocoConnection connection = server.Connect();
        await using var demo = ChildProgram.Start(Programs.Coco, ["demo", "--json", "--server", server.Unix, "--output", "/dev/null"]);
        await UntilPlayedAsync(connection, demo);

        server.Program.Kill();
        int exitCode = await demo.WaitForExitAsync();

        Assert.True(exitCode == 3, demo.Said);
        Assert.Contains("\"serverGone\":true", demo.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Terminate_Server_EndsCleanlyAndTellsItsClients()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        await using LineProgram client = StartOurs("rdma-importer", server.Unix);
        await client.ReadyAsync();

        server.Program.Terminate();
        JsonNode ended = await client.EventAsync("process-ended");

        Assert.Contains("guest ended", ended["reason"]!.ToString(), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(0, await server.Program.WaitForExitAsync());
        Assert.Equal((false, false), (File.Exists(server.SocketPath), File.Exists(server.BrokerPath)));
    }

    private static LineProgram StartOurs(string program, string target) => program switch
    {
        "application" => LineProgram.Start(Programs.Coco, "demo-application", "--server", target),
        "rdma-importer" => LineProgram.Start(Programs.RdmaImporter, "--server", target),
        _ => LineProgram.Start(Programs.DrmImporter, "--server", target),
    };

    private static async Task<JsonNode> KillUnderAsync(ServerProcess server, ChildProgram client)
    {
        await client.ReadLineAsync(line => line == "ready");
        server.Program.Kill();
        return JsonNode.Parse(await client.ReadLineAsync(text => text.StartsWith('{')))!;
    }

    /// <summary>Until the demo's guest is there and has buffers.</summary>
    private static async Task UntilPlayedAsync(Client.CocoConnection connection, ChildProgram demo)
    {
        string guest = $"demo-{demo.Pid}";
        bool played = false;
        while (!played)
        {
            Assert.False(demo.HasExited, demo.Said);
            V1.ListGuestsResponse guests = await connection.Host.ListGuestsAsync(new V1.ListGuestsRequest());
            played = guests.Guests.Any(g => g.Shape.Name == guest && g.Objects.Buffers > 0);
        }
    }
}
