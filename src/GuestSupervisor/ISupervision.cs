using CocoGuest.Supervisor.Launch;
using CocoGuest.Supervisor.Reports;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor;

/// <summary>Who answers the stopped calls of a program: this process, or a server.</summary>
public interface ISupervision : IDisposable
{
    /// <summary>
    /// True if the one who answers is no ancestor of the program, which some systems let trace it only if it says so itself.
    /// </summary>
    bool IsForeign { get; }

    /// <summary>Calls are answered from the return of this method on.</summary>
    /// <param name="listener">The listener of the program's filter; the supervision closes it.</param>
    /// <param name="root">The program's first process.</param>
    /// <param name="options">How it is run.</param>
    /// <param name="program">The program and its arguments.</param>
    void Begin(SafeFileHandle listener, int root, RunOptions options, IReadOnlyList<string> program);

    /// <summary>Comes back when the program ended, or when nobody answers its calls any more.</summary>
    /// <param name="ended">Readable or hung up once the program ended.</param>
    /// <returns>False in the second case.</returns>
    bool Serve(SafeFileHandle ended);

    /// <summary>After the last process.</summary>
    RunOutcome Finish(int exitCode, int leftRunning);
}
