namespace CocoGuest.Client;

/// <summary>Flags of DMA_BUF_IOCTL_SYNC (S-BUF-61). Start is the absence of <see cref="End"/>.</summary>
[Flags]
public enum SyncFlags
{
    /// <summary>Start of a CPU access.</summary>
    Start = 0,

    /// <summary>The CPU reads.</summary>
    Read = 1,

    /// <summary>The CPU writes.</summary>
    Write = 2,

    /// <summary>The CPU reads and writes.</summary>
    ReadWrite = 3,

    /// <summary>End of a CPU access.</summary>
    End = 4,
}
