using System.Diagnostics;
using System.Text;
using System.Threading.Channels;
using CocoGuest.Linux;

namespace CocoGuest.Tests.EndToEnd.Processes;

/// <summary>
/// A program that a test starts, listens to and may kill. It inherits no setting of CocoGuest. Disposing it kills it and what it started.
/// </summary>
internal sealed class ChildProgram : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly StringBuilder _said = new();
    private readonly StringBuilder _errors = new();
    private readonly Task _reading;

    private ChildProgram(Process process)
    {
        _process = process;
        _reading = Task.WhenAll(ReadOutputAsync(), ReadErrorsAsync());
    }

    /// <summary>Its process id.</summary>
    public int Pid => _process.Id;

    /// <summary>True once it is over.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Its exit code, after <see cref="WaitForExitAsync"/>.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Its standard input.</summary>
    public StreamWriter Input => _process.StandardInput;

    /// <summary>All that it wrote so far, for messages.</summary>
    public string Said
    {
        get
        {
            lock (_said)
            {
                return _said.ToString();
            }
        }
    }

    /// <summary>What it wrote to stderr so far.</summary>
    public string Errors
    {
        get
        {
            lock (_said)
            {
                return _errors.ToString();
            }
        }
    }

    /// <summary>Starts a program.</summary>
    public static ChildProgram Start(string path, IEnumerable<string> arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(path, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string name in start.Environment.Keys.Where(k => k.StartsWith("COCOGUEST_", StringComparison.Ordinal)).ToArray())
        {
            start.Environment.Remove(name);
        }

        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return new ChildProgram(Process.Start(start)!);
    }

    /// <summary>Runs a program to its end.</summary>
    /// <returns>Its exit code, all of stdout, and all it said on both.</returns>
    public static async Task<(int ExitCode, string Output, string Said)> RunAsync(
        string path, IEnumerable<string> arguments, params (string Name, string Value)[] environment)
    {
        await using ChildProgram program = Start(path, arguments, environment);
        program.Input.Close();
        int exitCode = await program.WaitForExitAsync();
        var output = new StringBuilder();
        while (program._lines.Reader.TryRead(out string? line))
        {
            output.AppendLine(line);
        }

        return (exitCode, output.ToString(), program.Said);
    }

    /// <summary>The next line of stdout that is wanted; those before it are dropped.</summary>
    public async Task<string> ReadLineAsync(Func<string, bool> wanted)
    {
        using var stuck = new CancellationTokenSource(Limits.Stuck);
        try
        {
            await foreach (string line in _lines.Reader.ReadAllAsync(stuck.Token))
            {
                if (wanted(line))
                {
                    return line;
                }
            }
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"{_process.StartInfo.FileName} did not write the expected line. It said:\n{Said}");
        }

        throw new InvalidOperationException($"{_process.StartInfo.FileName} ended without the expected line. It said:\n{Said}");
    }

    /// <summary>Waits for its end, and for all of its output.</summary>
    public async Task<int> WaitForExitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Limits.Stuck);
        await _reading.WaitAsync(Limits.Stuck);
        return _process.ExitCode;
    }

    /// <summary>kill -9.</summary>
    public void Kill() => _process.Kill();

    /// <summary>kill -TERM.</summary>
    public void Terminate() => Assert.Equal(0, Libc.Kill(_process.Id, Libc.Sigterm));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await _process.WaitForExitAsync();
        await _reading;
        _process.Dispose();
    }

    private async Task ReadOutputAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            _lines.Writer.TryWrite(line);
            Note(line);
        }

        _lines.Writer.Complete();
    }

    private async Task ReadErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_said)
            {
                _errors.AppendLine(line);
            }

            Note(line);
        }
    }

    private void Note(string line)
    {
        lock (_said)
        {
            _said.AppendLine(line);
        }
    }
}
