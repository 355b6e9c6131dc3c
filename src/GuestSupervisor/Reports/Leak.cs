using CocoGuest.Supervisor.Files;

namespace CocoGuest.Supervisor.Reports;

/// <summary>An emulated file that the program never closed: it ended with the last process that had it.</summary>
/// <param name="What">The file in a few words: <c>dma-buf 3 of 65536 bytes</c>.</param>
/// <param name="Origin">The call that made it.</param>
/// <param name="Left">What the process still had of it; null: a signal ended the process, so nobody could look.</param>
public sealed record Leak(string What, Origin Origin, LeftOpen? Left)
{
    /// <summary>In one line, for people.</summary>
    public override string ToString() => $"{What}, made by {Origin}{Held}";

    private string Held => Left switch
    {
        null => " (its process was killed)",
        { Fds.Count: 0 } => $" ({Left.Mappings} mapping(s) left by [{Left.Pid}])",
        { Mappings: 0 } => $" (fd {string.Join(", ", Left.Fds)} left by [{Left.Pid}])",
        _ => $" (fd {string.Join(", ", Left.Fds)} and {Left.Mappings} mapping(s) left by [{Left.Pid}])",
    };
}
