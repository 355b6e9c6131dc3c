using System.Diagnostics;

namespace CocoGuest.Tests.Service.Processes;

/// <summary>
/// A child program that connects a Unix socket and passes bytes between it and its standard streams: the server sees the child's pid.
/// </summary>
internal sealed class UnixRelay : IDisposable
{
    private readonly Process _child;

    private UnixRelay(Process child)
    {
        _child = child;
        Stream = new DuplexStream(child.StandardOutput.BaseStream, child.StandardInput.BaseStream);
    }

    public Stream Stream { get; }

    public static UnixRelay Start(string socketPath)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            ArgumentList = { typeof(UnixRelay).Assembly.Location, RelayProgram.Verb, socketPath },
        };
        return new UnixRelay(Process.Start(start)!);
    }

    public void Kill()
    {
        _child.Kill();
        _child.WaitForExit();
    }

    public void Dispose()
    {
        if (!_child.HasExited)
        {
            Kill();
        }

        Stream.Dispose();
        _child.Dispose();
    }
}
