namespace CocoGuest.Supervisor.Launch;

/// <summary>Memory that <see cref="BareTree"/> works in, made before a fork, since a child can make none.</summary>
internal unsafe struct TreeRoom
{
    /// <summary>Processes below this one, in the order in which they were found.</summary>
    public int* Pids;
    public int Count;

    /// <summary>The run's control group and its file that kills, or null.</summary>
    public byte* Group;
    public byte* GroupKill;

    /// <summary>A bit for each pid that was stopped once.</summary>
    public ulong* Seen;

    /// <summary>Room for entries of a folder, for numbers of children, and for a line about a process.</summary>
    public byte* Entries;
    public byte* Numbers;
    public byte* Line;
    public byte* Path;
}
