namespace CocoGuest.Linux.Processes;

/// <summary>What wait says of an ended process.</summary>
internal static class WaitStatus
{
    private const int SignalMask = 0x7f;
    private const int SignalExit = 128;
    private const int StatusShift = 8;
    private const int StatusMask = 0xff;

    /// <summary>As a shell says it: the exit status, or 128 and the number of the signal that ended the process.</summary>
    public static int ExitStatusOf(int status) =>
        (status & SignalMask) is var signal and not 0 ? SignalExit + signal : (status >> StatusShift) & StatusMask;
}
