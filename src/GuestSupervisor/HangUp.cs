using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor;

/// <summary>The end of what is behind a pipe or a pidfd, as a task.</summary>
public static class HangUp
{
    /// <summary>Completes when the file is readable or hung up.</summary>
    public static Task Of(SafeFileHandle file) =>
        Task.Factory.StartNew(
            () => HostFile.WaitForEnd(file), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
