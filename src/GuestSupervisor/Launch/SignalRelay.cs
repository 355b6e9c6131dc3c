using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// Signals that would end this process go to the program instead, which decides. A terminal's own (^C, ^\) reach the program anyway and
/// are only kept from ending this process.
/// </summary>
/// <remarks>
/// Signals are handled on another thread, perhaps when the program has ended of the same ^C already. One that finds nobody registered
/// then ends this process, whose exit status would hide the program's. So what is registered stays until the process ends.
/// </remarks>
internal sealed partial class SignalRelay : IDisposable
{
    private static readonly (PosixSignal Signal, int Number, bool FromTerminal)[] Table =
    [
        (PosixSignal.SIGHUP, 1, false), (PosixSignal.SIGINT, 2, true), (PosixSignal.SIGQUIT, 3, true), (PosixSignal.SIGTERM, 15, false),
    ];

    // Not registered any more once collected.
    private static readonly ConcurrentBag<PosixSignalRegistration> Registrations = [];
    private volatile int _program;

    /// <param name="program">Pid of the program; 0 if it is not there yet (<see cref="RelayTo"/>), until when SIGTERM and SIGHUP end
    /// this process.</param>
    public SignalRelay(int program)
    {
        _program = program;
        foreach ((PosixSignal signal, int number, bool fromTerminal) in Table)
        {
            Registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = fromTerminal || _program != 0;
                if (!fromTerminal && _program != 0)
                {
                    _ = SendSignal(_program, number);
                }
            }));
        }
    }

    /// <summary>The signals that it takes: bit N for signal N.</summary>
    public static ulong Signals { get; } = Table.Aggregate(0ul, static (set, s) => set | 1ul << s.Number);

    /// <summary>The program is there.</summary>
    public void RelayTo(int program) => _program = program;

    /// <summary>The program has ended: its pid may be another's soon.</summary>
    public void Dispose() => _program = 0;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);
}
