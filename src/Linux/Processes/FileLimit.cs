namespace CocoGuest.Linux.Processes;

/// <summary>How many files this process may have open (ulimit -n).</summary>
public static unsafe class FileLimit
{
    /// <summary>The limit in force; the runtime has raised it to the hard limit.</summary>
    public static ulong Current
    {
        get
        {
            RLimit limit;
            return BareLibc.Getrlimit(Libc.RlimitNofile, &limit) == 0 ? limit.Cur : ulong.MaxValue;
        }
    }
}
