using System.Collections;
using System.Net;
using System.Net.Sockets;
using CocoGuest.Linux.Files;
using CocoGuest.Service.Hosting;
using CocoGuest.Service.Starting;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Hosting;

/// <summary>Starts that work, starts that do not, and what is left after the end.</summary>
public sealed class StartupTests : ServerTest
{
    [Fact]
    public void Sockets_OfARunningServer_AreTheOwnersOnly()
    {
        const UnixFileMode ownerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.Equal(
            (ownerOnly, ownerOnly),
            (UnixFiles.StatusOf(Host.Server.SocketPath)!.Value.Mode, UnixFiles.StatusOf(Host.Server.BrokerPath)!.Value.Mode));
    }

    [Fact]
    public async Task Stop_RemovesBothSockets()
    {
        (string socket, string broker) = (Host.Server.SocketPath, Host.Server.BrokerPath);
        await Host.StopAsync();
        Assert.Equal((false, false), (File.Exists(socket), File.Exists(broker)));
    }

    [Fact]
    public async Task SecondServer_OnTheSameSocket_IsRefusedAndTheFirstLivesOn()
    {
        string socket = Host.Server.SocketPath;
        StartupException e = await Assert.ThrowsAsync<StartupException>(() => TestServer.StartAsync(o => o.Socket = socket));
        Assert.Contains($"listening on {socket}", e.Message, StringComparison.Ordinal);
        await Host.Guests().ListHeapsAsync(new());
    }

    [Fact]
    public async Task StaleSocket_OfADeadServer_IsReplaced()
    {
        string path = Path.Combine(Path.GetDirectoryName(Host.Server.SocketPath)!, "stale");
        LeaveStaleSocket(path);
        TestServer server = await StartAsync(o => o.Socket = path);
        await server.Guests().ListHeapsAsync(new());
    }

    [Fact]
    public async Task OrdinaryFile_AtTheSocketsPath_IsLeftAlone()
    {
        string path = Path.Combine(Path.GetDirectoryName(Host.Server.SocketPath)!, "precious");
        await File.WriteAllTextAsync(path, "data");
        await Assert.ThrowsAsync<StartupException>(() => TestServer.StartAsync(o => o.Socket = path));
        Assert.Equal("data", await File.ReadAllTextAsync(path));
    }

    [Fact]
    public async Task BusyPort_IsOneSentenceWithTheAddress()
    {
        var endpoint = new IPEndPoint(IPAddress.Loopback, Host.Server.TcpAddress!.Port);
        StartupException e = await Assert.ThrowsAsync<StartupException>(() => TestServer.StartAsync(o => o.Tcp = endpoint));
        Assert.Contains(endpoint.ToString(), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RuntimeFolder_OpenToOthers_IsRefused()
    {
        string folder = Directory.CreateDirectory(
            Path.Combine(Path.GetDirectoryName(Host.Server.SocketPath)!, "open"),
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute).FullName;
        StartupException e = await Assert.ThrowsAsync<StartupException>(() => TestServer.StartAsync(o => o.RuntimeDirectory = folder));
        Assert.Contains("0700", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("foo/cocoguest")]
    [InlineData("./cocoguest")]
    [InlineData("~/cocoguest")]
    [InlineData("/proc/nowhere/cocoguest")]
    [InlineData("/dev/null/cocoguest")]
    public async Task RuntimeFolder_ThatCannotBe_IsOneSentence(string folder) =>
        Assert.Contains(
            folder,
            (await Assert.ThrowsAsync<StartupException>(() => TestServer.StartAsync(o => o.RuntimeDirectory = folder))).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData(0ul, true)]
    [InlineData(64ul, true)]
    [InlineData(128ul, true)]
    [InlineData(255ul, true)]
    [InlineData(256ul, false)]
    [InlineData(ulong.MaxValue, false)]
    public void TooFewFiles_ByTheLimit_IsOneSentence(ulong allowed, bool refused) =>
        Assert.Equal(refused, ServerProgram.TooFewFiles(allowed)?.EndsWith("the server needs 256.", StringComparison.Ordinal) ?? false);

    [Fact]
    public async Task RuntimeFolder_ThatIsALink_IsRefused()
    {
        string link = Path.Combine(Path.GetDirectoryName(Host.Server.SocketPath)!, "link");
        Directory.CreateSymbolicLink(link, Path.GetDirectoryName(Host.Server.SocketPath)!);
        await Assert.ThrowsAsync<StartupException>(() => TestServer.StartAsync(o => o.RuntimeDirectory = link));
    }

    [Fact]
    public async Task SocketPath_ThatIsTooLong_IsRefused()
    {
        string path = Path.Combine(Path.GetDirectoryName(Host.Server.SocketPath)!, new string('x', 108));
        await Assert.ThrowsAsync<StartupException>(() => TestServer.StartAsync(o => o.Socket = path));
    }

    [Fact]
    public async Task NoTcp_LeavesTheUnixSocketOnly()
    {
        TestServer server = await StartAsync(o => o.Tcp = null);
        Assert.Null(server.Server.TcpAddress);
        await server.Guests().ListHeapsAsync(new());
    }

    [Fact]
    public async Task NoDefaultGuest_MeansNoGuest()
    {
        TestServer server = await StartAsync(o => o.DefaultGuest = false);
        RpcException e = await FailsAsync(server.Guests().ListHeapsAsync(new()));
        Assert.Equal("ENOENT", Failures.InfoOf(e).Reason);
    }

    [Fact]
    public async Task DefaultGuest_ThatCannotBe_IsOneSentence()
    {
        StartupException e = await Assert.ThrowsAsync<StartupException>(
            () => TestServer.StartAsync(o => o.DefaultShape = o.DefaultShape with { MemoryBytes = 1 }));
        Assert.Contains("memory_bytes", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Banner_HasFourCallsAndTheToken()
    {
        string banner = StartupBanner.Text(Host.Server);
        Assert.Equal(4, banner.Split("buf curl ").Length - 1);
        Assert.Contains(Host.Token, banner, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Program_WithAMistake_SaysSoAndEndsWith1()
    {
        var errors = new StringWriter();
        int code = await ServerProgram.RunAsync(["--tpc", "x"], new Hashtable(), TextWriter.Null, errors);
        Assert.Equal((1, true), (code, errors.ToString().StartsWith("cocoguest: There is no flag --tpc.", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Program_ThatCannotListen_SaysSoInOneLineAndEndsWith1()
    {
        var errors = new StringWriter();
        string[] arguments = ["--no-tcp", "--socket", Host.Server.SocketPath, "--broker-socket", Host.Server.BrokerPath + "2"];
        int code = await ServerProgram.RunAsync(arguments, new Hashtable(), TextWriter.Null, errors);
        Assert.Equal(1, code);
        Assert.Single(errors.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task Guest_ThatIsDestroyedAndMadeAgain_StartsAnew()
    {
        var host = new HostService.HostServiceClient(Host.Unix());
        GuestService.GuestServiceClient guests = Host.Guests();
        await guests.AllocateBufferAsync(new() { Heap = "system", Len = 1 });
        await host.DestroyGuestAsync(new());
        CreateGuestResponse made = await host.CreateGuestAsync(
            new() { Shape = new() { Name = "default", Platform = "tdx", MemoryBytes = 1 << 30 } });
        GuestInfo guest = made.Guest;
        Assert.Equal(("tdx", 52u, 0ul, 1ul), (guest.Shape.Platform, guest.Shape.GpaWidth, guest.Objects.Buffers, guest.Objects.Processes));
    }

    private static void LeaveStaleSocket(string path)
    {
        // .NET removes the file of a socket that it closes; a crash does not.
        string other = path + "2";
        using (var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            listener.Bind(new UnixDomainSocketEndPoint(other));
            File.Move(other, path);
        }

        Assert.NotNull(UnixFiles.StatusOf(path));
    }
}
