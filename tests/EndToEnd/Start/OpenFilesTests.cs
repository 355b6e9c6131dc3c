using System.Globalization;
using System.Net.Sockets;
using CocoGuest.Client;
using CocoGuest.Tests.EndToEnd.Processes;
using CocoGuest.V1;
using Google.Protobuf;

namespace CocoGuest.Tests.EndToEnd.Start;

/// <summary>Nobody without the token ends the server, or keeps others out, by taking its open files: small limits, each filled.</summary>
public sealed class OpenFilesTests
{
    [Theory]
    [InlineData(256)]
    [InlineData(1024)]
    public async Task IdleConnections_MoreThanOpenFiles_KeepNobodyOut(int files)
    {
        await using ServerProcess server = await StartAsync(files);
        using CocoConnection owner = server.Connect();
        List<Socket> idle = [];
        try
        {
            for (int i = 0; i < files + 100; i++)
            {
                idle.Add(await ConnectAsync(server));
                if (i % 16 == 0)
                {
                    await TouchAsync(owner);
                }
            }

            using var newcomer = CocoConnection.Connect("http://" + server.Tcp);
            await newcomer.Guest.ListHeapsAsync(new ListHeapsRequest());
            await TouchAsync(owner);
        }
        finally
        {
            idle.ForEach(i => i.Dispose());
        }

        Assert.False(server.Program.HasExited, server.Program.Said);
    }

    [Theory]
    [InlineData(256)]
    [InlineData(1024)]
    public async Task TouchedBuffers_MoreThanOpenFiles_AreRefusedAndComeBack(int files)
    {
        await using ServerProcess server = await StartAsync(files);
        using var stranger = CocoConnection.Connect("http://" + server.Tcp);
        using CocoConnection owner = server.Connect();
        await owner.Guest.ListHeapsAsync(new ListHeapsRequest());
        await using (GuestProcess process = await GuestProcess.OpenAsync(stranger, name: "greedy"))
        {
            CocoException? refused = null;
            for (int i = 0; refused is null; i++)
            {
                Assert.InRange(i, 0, files);
                refused = await TryTouchAsync(stranger, process.Handle);
            }

            Assert.Contains("no open files left for memory", refused.Message, StringComparison.Ordinal);
            using CocoConnection another = server.Connect();
            await another.Guest.ListHeapsAsync(new ListHeapsRequest());
            await owner.Guest.ListHeapsAsync(new ListHeapsRequest());
        }

        await TouchAsync(owner);
        Assert.False(server.Program.HasExited, server.Program.Said);
    }

    private static Task<ServerProcess> StartAsync(int files) =>
        ServerProcess.StartUnderAsync(
            ["prlimit", string.Create(CultureInfo.InvariantCulture, $"--nofile={files}:{files}")], "--grace-time", "0");

    private static async Task<Socket> ConnectAsync(ServerProcess server)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", int.Parse(server.Tcp.Split(':')[1], CultureInfo.InvariantCulture));
        return socket;
    }

    private static async Task TouchAsync(CocoConnection connection)
    {
        int fd = (await connection.Guest.AllocateBufferAsync(new AllocateBufferRequest { Heap = "system_cc_shared", Len = 4096 })).Fd;
        ulong address = (await connection.Guest.MmapAsync(new MmapRequest { Fd = fd })).Address;
        await connection.Guest.StoreAsync(new StoreRequest { Address = address, Data = ByteString.CopyFromUtf8("x") });
        await connection.Guest.MunmapAsync(new MunmapRequest { Address = address });
        await connection.Guest.ReleaseAsync(new ReleaseRequest { Fd = fd });
    }

    private static async Task<CocoException?> TryTouchAsync(CocoConnection connection, string process)
    {
        try
        {
            int fd = (await connection.Guest.AllocateBufferAsync(
                new AllocateBufferRequest { Process = process, Heap = "system_cc_shared", Len = 4096 })).Fd;
            ulong address = (await connection.Guest.MmapAsync(new MmapRequest { Process = process, Fd = fd })).Address;
            await connection.Guest.StoreAsync(
                new StoreRequest { Process = process, Address = address, Data = ByteString.CopyFromUtf8("x") });
            return null;
        }
        catch (CocoException e)
        {
            return e;
        }
    }
}
