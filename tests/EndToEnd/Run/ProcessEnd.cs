using System.Globalization;
using CocoGuest.Linux;
using CocoGuest.Linux.Processes;
using CocoGuest.Supervisor.Target;
using CocoGuest.Tests.EndToEnd.Processes;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>The end of a process that is not the test's child, by its pidfd: the kernel says when, nobody polls.</summary>
internal sealed class ProcessEnd : IDisposable
{
    /// <summary>SIGINT.</summary>
    public const int Interrupt = Libc.Sigint;

    /// <summary>SIGALRM.</summary>
    public const int Alarm = Libc.Sigalrm;

    /// <summary>SIGKILL.</summary>
    public const int Kill = Libc.Sigkill;

    private readonly SafeFileHandle _process;

    private ProcessEnd(SafeFileHandle process) => _process = process;

    /// <summary>Holds a process that lives now.</summary>
    public static ProcessEnd Of(int pid) => new(PidFd.Open(pid) ?? throw new InvalidOperationException($"Process {pid} is gone already."));

    /// <summary>True while a process runs; one that nobody has waited for yet is none any more.</summary>
    public static bool IsAlive(int pid) => !ProcFolder.IsEnding(pid);

    /// <summary>The pid in a line.</summary>
    public static int Pid(string line) => int.Parse(line, CultureInfo.InvariantCulture);

    /// <summary>Sends a signal; to a process group if the number is negative.</summary>
    public static void Signal(int pid, int signal) => Assert.Equal(0, Libc.Kill(pid, signal));

    /// <summary>Waits for the end.</summary>
    public Task WaitAsync() => Task.Factory.StartNew(
        () => PidFd.WaitForEnd(_process), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
        .WaitAsync(Limits.Stuck);

    /// <summary>Kills it if it lives still, so that a test that fails leaves nothing behind.</summary>
    public void Dispose()
    {
        PidFd.Signal(_process, Kill);
        _process.Dispose();
    }
}
