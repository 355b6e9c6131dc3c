using System.Diagnostics;
using System.Net.Sockets;
using CocoGuest.Service.Starting;

namespace CocoGuest.Tests.Service.Hosting;

/// <summary>A start waits for nobody without end, and a stop removes no name that is somebody else's by then.</summary>
public sealed class SocketLifeTests : ServerTest
{
    private string Folder => Path.GetDirectoryName(Host.Server.SocketPath)!;

    [Fact]
    public async Task Start_InAFolderWhoseLockAnotherProgramKeeps_IsOneSentence()
    {
        string folder = Directory.CreateTempSubdirectory("cocoguest-").FullName;
        var arguments = new ProcessStartInfo("flock", [folder, "sh", "-c", "echo held; read end"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        using Process holder = Process.Start(arguments)!;
        Assert.Equal("held", await holder.StandardOutput.ReadLineAsync());
        StartupException e = await Assert.ThrowsAsync<StartupException>(
            () => Task.Run(() => TestServer.StartAsync(o => o.RuntimeDirectory = folder)).WaitAsync(Patience));
        Assert.Contains($"holds the lock of the folder {folder}", e.Message, StringComparison.Ordinal);
        holder.StandardInput.Close();
        await holder.WaitForExitAsync();
        TestServer server = await StartAsync(o => o.RuntimeDirectory = folder);
        await server.Guests().ListHeapsAsync(new());
        await server.StopAsync();
        Directory.Delete(folder);
    }

    [Theory]
    [InlineData("socket")]
    [InlineData("broker")]
    public async Task Start_OnASocketWhoseQueueIsFull_IsOneSentence(string which)
    {
        string path = Path.Combine(Folder, "busy");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(0);
        List<Socket> waiting = [];
        try
        {
            do
            {
                waiting.Add(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false });
            }
            while (Connects(waiting[^1], path));
            StartupException e = await Assert.ThrowsAsync<StartupException>(() => Task.Run(() => TestServer.StartAsync(o =>
            {
                o.Socket = which == "socket" ? path : null;
                o.BrokerSocket = which == "broker" ? path : null;
            })).WaitAsync(Patience));
            Assert.Contains($"listening on {path}", e.Message, StringComparison.Ordinal);
        }
        finally
        {
            waiting.ForEach(w => w.Dispose());
        }
    }

    [Fact]
    public async Task Stop_AfterAnotherServerTookTheNames_LeavesThem()
    {
        File.Delete(Host.Server.SocketPath);
        File.Delete(Host.Server.BrokerPath);
        string folder = Folder;
        TestServer second = await StartAsync(o => o.RuntimeDirectory = folder);
        // As Host.StopAsync, but its folder stays: the second server lives in it.
        await Host.StopAsync();
        Assert.Equal((true, true), (File.Exists(second.Server.SocketPath), File.Exists(second.Server.BrokerPath)));
        await second.Guests().ListHeapsAsync(new());
        using (new Broker.BrokerClient(second.Server.BrokerPath))
        {
        }
    }

    [Fact]
    public async Task Stop_WithOrdinaryFilesAtTheNames_LeavesThem()
    {
        (string socket, string broker) = (Host.Server.SocketPath, Host.Server.BrokerPath);
        File.Delete(socket);
        File.Delete(broker);
        await File.WriteAllTextAsync(socket, "mine");
        await File.WriteAllTextAsync(broker, "mine");
        await Host.StopAsync();
        Assert.Equal(("mine", "mine"), (await File.ReadAllTextAsync(socket), await File.ReadAllTextAsync(broker)));
    }

    [Fact]
    public async Task Stop_AfterTheSocketsWereMoved_LeavesThemWhereTheyAre()
    {
        string moved = Path.Combine(Folder, "moved");
        File.Move(Host.Server.SocketPath, moved);
        await Host.StopAsync();
        Assert.True(File.Exists(moved));
    }

    private static bool Connects(Socket socket, string path)
    {
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
        {
            return false;
        }
    }
}
