using System.Text.RegularExpressions;
using CocoGuest.Client;
using CocoGuest.V1;

namespace CocoGuest.Tests.EndToEnd.Processes;

/// <summary>The real server as a process, on a runtime folder and a TCP port of its own.</summary>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;

    private ServerProcess(ChildProgram program, DirectoryInfo folder, string tcp, string token)
    {
        Program = program;
        _folder = folder;
        Tcp = tcp;
        Token = token;
    }

    /// <summary>The process.</summary>
    public ChildProgram Program { get; }

    /// <summary>Path of the gRPC socket.</summary>
    public string SocketPath => Path.Combine(_folder.FullName, "cocoguest.sock");

    /// <summary>Path of the broker's socket.</summary>
    public string BrokerPath => Path.Combine(_folder.FullName, "broker.sock");

    /// <summary>The gRPC socket as a target: <c>unix:PATH</c>.</summary>
    public string Unix => "unix:" + SocketPath;

    /// <summary>The TCP listener: <c>HOST:PORT</c>.</summary>
    public string Tcp { get; }

    /// <summary>The bearer token.</summary>
    public string Token { get; }

    /// <summary>Starts a server and waits until it serves.</summary>
    public static Task<ServerProcess> StartAsync(params string[] options) => StartUnderAsync([], options);

    /// <summary>Starts a server by another program, such as prlimit, and waits until it serves.</summary>
    public static async Task<ServerProcess> StartUnderAsync(string[] prefix, params string[] options)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("coco-e2e-");
        string[] command =
        [
            .. prefix, Programs.Server, "--runtime-dir", folder.FullName, "--tcp", "127.0.0.1:0", "--log-level", "information", .. options,
        ];
        var program = ChildProgram.Start(command[0], command[1..]);
        try
        {
            string tcp = await program.ReadLineAsync(line => TcpLine().IsMatch(line));
            string token = await program.ReadLineAsync(line => TokenLine().IsMatch(line));
            await program.ReadLineAsync(line => line.StartsWith("Try:", StringComparison.Ordinal));
            return new ServerProcess(program, folder, TcpLine().Match(tcp).Groups[1].Value, TokenLine().Match(token).Groups[1].Value);
        }
        catch
        {
            await program.DisposeAsync();
            folder.Delete(recursive: true);
            throw;
        }
    }

    /// <summary>Where a client connects.</summary>
    public string Target(Transport transport) => transport == Transport.Unix ? Unix : Tcp;

    /// <summary>A connection over the Unix socket.</summary>
    public CocoConnection Connect() => CocoConnection.Connect(Unix);

    /// <summary>Makes a guest.</summary>
    public async Task<GuestInfo> CreateGuestAsync(string name)
    {
        using CocoConnection connection = Connect();
        var shape = new GuestShape { Name = name, MemoryBytes = 1UL << 30 };
        return (await connection.Host.CreateGuestAsync(new CreateGuestRequest { Shape = shape })).Guest;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Program.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [GeneratedRegex(@"^ +gRPC +(127\.0\.0\.1:\d+)$")]
    private static partial Regex TcpLine();

    [GeneratedRegex("^ +token +([0-9a-f]{32})")]
    private static partial Regex TokenLine();
}
