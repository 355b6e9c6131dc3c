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

    /// <summary>The TCP listener: <c>HOST:PORT</c>; empty without one.</summary>
    public string Tcp { get; }

    /// <summary>The bearer token; empty without TCP, or where it is in a file.</summary>
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
            List<string> banner = [await program.ReadLineAsync(line => line == "CocoGuest is ready.")];
            while (banner[^1] != "Try:")
            {
                banner.Add(await program.ReadLineAsync(_ => true));
            }

            return new ServerProcess(program, folder, FirstOf(banner, TcpLine()), FirstOf(banner, TokenLine()));
        }
        catch
        {
            await program.DisposeAsync();
            folder.Delete(recursive: true);
            throw;
        }
    }

    /// <summary>The four calls that the banner tells people to try. May be asked once.</summary>
    public async Task<string[]> CallsToTryAsync()
    {
        string[] calls = new string[4];
        for (int i = 0; i < calls.Length; i++)
        {
            calls[i] = await Program.ReadLineAsync(line => line.Contains("buf curl ", StringComparison.Ordinal));
        }

        return calls;
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

    private static string FirstOf(IEnumerable<string> lines, Regex wanted) =>
        lines.Select(line => wanted.Match(line)).FirstOrDefault(m => m.Success)?.Groups[1].Value ?? "";

    [GeneratedRegex(@"^ +gRPC +(127\.0\.0\.1:\d+)$")]
    private static partial Regex TcpLine();

    [GeneratedRegex("^ +token +([0-9a-f]{32})")]
    private static partial Regex TokenLine();
}
