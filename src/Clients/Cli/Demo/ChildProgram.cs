using System.Diagnostics;
using System.Text.Json.Nodes;
using CocoGuest.Client;

namespace CocoGuest.Cli.Demo;

/// <summary>An importer or the application as a child process, spoken to by the line protocol. Disposing it ends the process.</summary>
internal sealed class ChildProgram : IAsyncDisposable
{
    private static readonly TimeSpan ExitTimeout = TimeSpan.FromSeconds(5);

    private readonly Process _process;
    private readonly Task<string> _errors;
    private ulong _nextId = 1;
    private int _disposed;

    private ChildProgram(string role, Process process)
    {
        Role = role;
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>What it is in the demo.</summary>
    public string Role { get; }

    /// <summary>Its process id in the operating system.</summary>
    public int Pid => _process.Id;

    /// <summary>Starts a program and waits until it is ready.</summary>
    /// <param name="role">What it is in the demo.</param>
    /// <param name="path">The program.</param>
    /// <param name="arguments">Its command line.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="CocoException">It ended before it was ready; the message holds what it said.</exception>
    public static async Task<ChildProgram> StartAsync(string role, string path, IEnumerable<string> arguments, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(path, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var child = new ChildProgram(role, Process.Start(start)!);
        try
        {
            await child.ReadUntilAsync(line => line.StartsWith("ready ", StringComparison.Ordinal), cancel);
            return child;
        }
        catch
        {
            await child.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs an operation of the child.</summary>
    /// <param name="operation">Its name.</param>
    /// <param name="fields">Its fields.</param>
    /// <param name="cancel">Gives up waiting.</param>
    /// <exception cref="CocoException">The child's error, with its errno.</exception>
    public async Task<JsonNode> CallAsync(string operation, JsonObject fields, CancellationToken cancel)
    {
        ulong id = _nextId++;
        fields["id"] = id;
        fields["op"] = operation;
        try
        {
            await _process.StandardInput.WriteLineAsync(fields.ToJsonString().AsMemory(), cancel);
            await _process.StandardInput.FlushAsync(cancel);
        }
        catch (IOException)
        {
            // It is ending; what it still says, on stdout or stderr, tells why.
        }

        while (true)
        {
            string line = await ReadUntilAsync(l => l.StartsWith('{'), cancel);
            JsonNode answer = JsonNode.Parse(line)!;
            if (answer["event"]?.GetValue<string>() == "server-gone")
                throw new ServerGoneException($"The {Role} lost the server: {answer["reason"]}");
            if (answer["id"]?.GetValue<ulong>() != id)
                continue;
            return answer["ok"]!.GetValue<bool>() ? answer["result"]! : throw ToException(answer["error"]!);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        try
        {
            _process.StandardInput.Close();
            using var timeout = new CancellationTokenSource(ExitTimeout);
            await _process.WaitForExitAsync(timeout.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        await _errors;
        _process.Dispose();
    }

    private async Task<string> ReadUntilAsync(Func<string, bool> wanted, CancellationToken cancel)
    {
        while (await _process.StandardOutput.ReadLineAsync(cancel) is { } line)
        {
            if (wanted(line))
                return line;
        }

        await _process.WaitForExitAsync(cancel);
        string said = (await _errors).Trim();
        throw _process.ExitCode == Importer.ControlLoop.ServerGoneExitCode
            ? new ServerGoneException($"The {Role} lost the server. {said}")
            : new CocoException($"The {Role} ended with exit code {_process.ExitCode}. {said}");
    }

    private CocoException ToException(JsonNode error) => error["serverGone"]?.GetValue<bool>() == true
        ? new ServerGoneException($"The {Role} lost the server: {error["message"]}")
        : new CocoException(
            error["errno"]?.GetValue<int>() ?? 0,
            error["errnoName"]?.GetValue<string>() ?? "",
            error["operation"]?.GetValue<string>() ?? Role,
            error["step"]?.GetValue<string>() ?? "",
            error["message"]?.GetValue<string>() ?? "")
        {
            Field = error["field"]?.GetValue<string>(),
        };
}
