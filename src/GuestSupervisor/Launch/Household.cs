using CocoGuest.Linux;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// What coco, guard, keeper and the program's first process have in common, in memory that they share: coco fills in how the program
/// starts after the others are there. Addresses are the same in all of them, for they are made by fork.
/// </summary>
internal unsafe struct Household
{
    /// <summary>coco's ends of the sockets, and the other ones, which are what the others know coco's end by.</summary>
    public int LaunchOurs;
    public int LaunchTheirs;
    public int KeeperOurs;
    public int KeeperTheirs;
    public int GuardOurs;
    public int GuardTheirs;

    /// <summary>Names of the two processes, as /proc shows them.</summary>
    public byte* GuardName;
    public byte* KeeperName;

    /// <summary>Room to look for processes: each has a copy of its own.</summary>
    public TreeRoom* Room;

    /// <summary>The file by which the program enters its control group, or null.</summary>
    public byte* GroupEntry;

    /// <summary>RLIMIT_NOFILE of the program.</summary>
    public RLimit Files;

    /// <summary>Whether somebody who is no ancestor will read the program's memory.</summary>
    public bool Traceable;

    /// <summary>What the program's caller had: blocked signals, ignored signals (bit N − 1 for signal N), death signal.</summary>
    public ulong Blocked;
    public ulong Ignored;
    public int DeathSignal;

    /// <summary>The filter.</summary>
    public SockFprog* Filter;

    /// <summary>The program's path, its words, the words of a shell that runs it where the kernel does not know how to, or null, and the
    /// environment.</summary>
    public byte* Program;
    public byte** Arguments;
    public byte** Shell;
    public byte** Environment;

    /// <summary>A sentence for each errno, since the child can make no text.</summary>
    public byte** Complaints;
}
