namespace CocoGuest.Machine.Abi;

/// <summary>MAP_* bits of mmap that the machine knows.</summary>
[Flags]
public enum MapFlags
{
    /// <summary>Neither: EINVAL (S-BUF-35).</summary>
    None = 0,
    /// <summary>MAP_SHARED.</summary>
    Shared = 1,
    /// <summary>MAP_PRIVATE.</summary>
    Private = 2,
    /// <summary>MAP_SHARED_VALIDATE.</summary>
    SharedValidate = 3,
    /// <summary>MAP_FIXED: at the address given, in place of what is mapped there.</summary>
    Fixed = 0x10,
    /// <summary>MAP_ANONYMOUS: zeroed memory without a file.</summary>
    Anonymous = 0x20,
    /// <summary>MAP_FIXED_NOREPLACE: at the address given, EEXIST if something is mapped there.</summary>
    FixedNoReplace = 0x100000,
}
