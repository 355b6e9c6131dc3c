namespace CocoGuest.Machine.Abi;

/// <summary>F_SEAL_* bits of a memfd.</summary>
[Flags]
public enum FileSeals
{
    /// <summary>No seal.</summary>
    None = 0,
    /// <summary>F_SEAL_SEAL: no further seals.</summary>
    Seal = 1,
    /// <summary>F_SEAL_SHRINK.</summary>
    Shrink = 2,
    /// <summary>F_SEAL_GROW.</summary>
    Grow = 4,
    /// <summary>F_SEAL_WRITE.</summary>
    Write = 8,
    /// <summary>F_SEAL_FUTURE_WRITE.</summary>
    FutureWrite = 16,
    /// <summary>F_SEAL_EXEC.</summary>
    Exec = 32,
}
