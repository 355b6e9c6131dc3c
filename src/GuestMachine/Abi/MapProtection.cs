namespace CocoGuest.Machine.Abi;

/// <summary>PROT_* bits of mmap.</summary>
[Flags]
public enum MapProtection
{
    /// <summary>PROT_NONE.</summary>
    None = 0,
    /// <summary>PROT_READ.</summary>
    Read = 1,
    /// <summary>PROT_WRITE.</summary>
    Write = 2,
    /// <summary>PROT_EXEC.</summary>
    Execute = 4,
}
