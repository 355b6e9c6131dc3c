namespace CocoGuest.Linux.Processes;

/// <summary>Whether others may see the memory of this process: as a core file, by a debugger, or through /proc.</summary>
public static class CoreDump
{
    /// <summary>
    /// PR_SET_DUMPABLE 0: no core file, and only root attaches or opens /proc/PID/mem, fd and the like; this process' own stay open to it.
    /// </summary>
    public static bool Forbid() => Libc.Prctl(Libc.PrSetDumpable, 0, 0, 0, 0) == 0;
}
