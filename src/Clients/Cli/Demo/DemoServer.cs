using System.Collections;
using System.Diagnostics;
using CocoGuest.Client;
using Grpc.Health.V1;

namespace CocoGuest.Cli.Demo;

/// <summary>The server of a run: the one that runs already, or a process of the demo's own in a private runtime directory.</summary>
internal sealed class DemoServer : IAsyncDisposable
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(10);

    private readonly Process? _process;

    private DemoServer(string target, Process? process)
    {
        Target = target;
        _process = process;
    }

    /// <summary>Where it is.</summary>
    public string Target { get; }

    /// <summary>Process id when the demo started it.</summary>
    public int? Pid => _process?.Id;

    /// <summary>Finds or starts a server.</summary>
    /// <param name="target">The server that the user named, or null.</param>
    /// <param name="directory">A private directory for a server of the demo's own.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="ServerGoneException">The named server does not answer.</exception>
    public static async Task<DemoServer> FindOrStartAsync(string? target, string directory, CancellationToken cancel)
    {
        using var connection = CocoConnection.Connect(target);
        try
        {
            await connection.Health.CheckAsync(new HealthCheckRequest(), cancellationToken: cancel);
            return new DemoServer(connection.Endpoint, null);
        }
        catch (ServerGoneException) when (target is null)
        {
            return await StartAsync(directory, cancel);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is null)
            return;
        try
        {
            // SIGTERM lets it end its guests and remove its sockets; .NET itself only offers SIGKILL.
            if (!_process.HasExited)
            {
                using var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
                await kill.WaitForExitAsync();
            }

            using var timeout = new CancellationTokenSource(StopTimeout);
            await _process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private static async Task<DemoServer> StartAsync(string directory, CancellationToken cancel)
    {
        string runtime = Path.Combine(directory, "run");
        var start = new ProcessStartInfo(
            ProgramLocator.Find(ProgramLocator.Server),
            [$"--runtime-dir={runtime}", "--tcp=off", "--no-default-guest", "--log-level=warning"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // What steers the user's own server must not steer this one.
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (((string)variable.Key).StartsWith("COCOGUEST_", StringComparison.Ordinal))
                start.Environment.Remove((string)variable.Key);
        }

        Process process = Process.Start(start)!;
        var server = new DemoServer($"unix:{Path.Combine(runtime, "cocoguest.sock")}", process);
        try
        {
            await server.WaitUntilReadyAsync(cancel);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    private async Task WaitUntilReadyAsync(CancellationToken cancel)
    {
        Task<string> errors = _process!.StandardError.ReadToEndAsync(CancellationToken.None);
        while (await _process.StandardOutput.ReadLineAsync(cancel) is { } line)
        {
            if (!line.StartsWith("CocoGuest is ready", StringComparison.Ordinal))
                continue;
            // The rest of its text must not fill the pipe.
            _ = _process.StandardOutput.ReadToEndAsync(CancellationToken.None);
            return;
        }

        throw new ServerGoneException($"The server did not start: {(await errors).Trim()}");
    }
}
