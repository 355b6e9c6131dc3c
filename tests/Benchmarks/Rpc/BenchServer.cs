using System.Diagnostics;
using CocoGuest.Client;

namespace CocoGuest.Tests.Benchmarks.Rpc;

/// <summary>A server process of its own for one benchmark, on a private runtime directory and without TCP.</summary>
internal sealed class BenchServer : IDisposable
{
    private const string ReadyLine = "CocoGuest is ready.";
    private readonly DirectoryInfo _folder;
    private readonly Process _process;

    private BenchServer(DirectoryInfo folder, Process process, TimeSpan startTime)
    {
        _folder = folder;
        _process = process;
        StartTime = startTime;
    }

    /// <summary>From the start of the process to its ready line.</summary>
    public TimeSpan StartTime { get; }

    public string SocketPath => Path.Combine(_folder.FullName, "cocoguest.sock");

    /// <summary>Resident memory in bytes.</summary>
    public long ResidentBytes => Environment.SystemPageSize * long.Parse(
        File.ReadAllText($"/proc/{_process.Id}/statm").Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);

    public static BenchServer Start()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("coco-bench-");
        long start = Stopwatch.GetTimestamp();
        var info = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        foreach (string argument in new[] { ServerPath(), "--no-tcp", "--runtime-dir", folder.FullName })
        {
            info.ArgumentList.Add(argument);
        }

        Process process = Process.Start(info) ?? throw new InvalidOperationException("The server did not start.");
        for (string? line = process.StandardOutput.ReadLine(); line != ReadyLine; line = process.StandardOutput.ReadLine())
        {
            if (line is null)
            {
                throw new InvalidOperationException("The server ended before it was ready.");
            }
        }

        // What follows is a few lines, far below a pipe's size; nobody has to read them.
        return new BenchServer(folder, process, Stopwatch.GetElapsedTime(start));
    }

    public CocoConnection Connect() => CocoConnection.Connect("unix:" + SocketPath);

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    // tests/Benchmarks/bin/CONFIGURATION/net10.0 → src/GuestService/bin/CONFIGURATION/net10.0
    private static string ServerPath()
    {
        string framework = AppContext.BaseDirectory.TrimEnd('/');
        string configuration = Path.GetDirectoryName(framework)!;
        string root = Path.GetFullPath(Path.Combine(configuration, "..", "..", "..", ".."));
        return Path.Combine(
            root, "src", "GuestService", "bin", Path.GetFileName(configuration), Path.GetFileName(framework), "CocoGuest.Service.dll");
    }
}
