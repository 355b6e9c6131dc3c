namespace CocoGuest.Linux.Memory;

/// <summary>F_SEAL_*: what nobody can do to a memfd any more.</summary>
[Flags]
public enum MemfdSeals
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>F_SEAL_SEAL: add seals.</summary>
    Seal = 0x1,

    /// <summary>F_SEAL_SHRINK.</summary>
    Shrink = 0x2,

    /// <summary>F_SEAL_GROW.</summary>
    Grow = 0x4,

    /// <summary>F_SEAL_WRITE.</summary>
    Write = 0x8,

    /// <summary>F_SEAL_FUTURE_WRITE: write, but through writable mappings that there are already.</summary>
    FutureWrite = 0x10,
}
