using System.Runtime.InteropServices;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// Signals that would end this process go to the program instead, which decides. A terminal's own (^C, ^\) reach the program anyway and are only
/// kept from ending this process.
/// </summary>
internal sealed partial class SignalRelay : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];

    public SignalRelay(int pid)
    {
        foreach ((PosixSignal signal, int? relayed) in new (PosixSignal, int?)[]
        {
            (PosixSignal.SIGINT, null), (PosixSignal.SIGQUIT, null), (PosixSignal.SIGTERM, 15), (PosixSignal.SIGHUP, 1),
        })
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                if (relayed is { } number)
                {
                    _ = SendSignal(pid, number);
                }
            }));
        }
    }

    public void Dispose() => _registrations.ForEach(static r => r.Dispose());

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);
}
