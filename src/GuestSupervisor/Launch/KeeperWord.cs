namespace CocoGuest.Supervisor.Launch;

/// <summary>What coco and its keeper tell each other: one message of the socket between them.</summary>
internal struct KeeperWord
{
    /// <summary>The keeper is there; <see cref="Number"/> is its pid.</summary>
    public const int Hello = 1;

    /// <summary>The program may begin.</summary>
    public const int Start = 2;

    /// <summary>A signal that a process sent to coco; <see cref="Number"/>, <see cref="Code"/>, <see cref="Pid"/>, <see cref="Uid"/> and
    /// <see cref="Value"/> are those of siginfo.</summary>
    public const int Signal = 3;

    /// <summary>The program has ended; <see cref="Number"/> is what wait says of it.</summary>
    public const int Ended = 4;

    /// <summary>What it left is gone; <see cref="Number"/> says how many processes that were.</summary>
    public const int Swept = 5;

    /// <summary>There is no process for the program; <see cref="Number"/> is the errno.</summary>
    public const int NoProcess = 6;

    public int What;
    public int Number;
    public int Code;
    public int Pid;
    public int Uid;
    public long Value;
}
