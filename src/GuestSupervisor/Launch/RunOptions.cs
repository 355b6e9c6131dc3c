namespace CocoGuest.Supervisor.Launch;

/// <summary>How a program is run.</summary>
public sealed record RunOptions
{
    /// <summary>The kernel's answers also where a host file would answer differently, at some cost (docs/run.md).</summary>
    public bool Strict { get; init; }

    /// <summary>Somebody wants to know what was never closed: then exit is stopped, to look at what a process still has.</summary>
    public bool TellsLeaks { get; init; } = true;

    /// <summary>User that the program is in the guest: root, unless asked otherwise, since heap nodes are root's.</summary>
    public uint Uid { get; init; }

    /// <summary>Group that the program is in the guest.</summary>
    public uint Gid { get; init; }

    /// <summary>First number of emulated fds.</summary>
    public int FdFloor { get; init; }

    /// <summary>RLIMIT_NOFILE of the program: emulated fds stay below it.</summary>
    public int FdLimit { get; init; }
}
