namespace CocoGuest.Machine.Abi;

/// <summary>O_* bits of x86-64 Linux as they matter here.</summary>
public static class OpenFlags
{
    /// <summary>O_ACCMODE.</summary>
    public const uint AccessMode = 3;
    /// <summary>O_RDWR.</summary>
    public const uint ReadWrite = 2;
    /// <summary>O_CREAT.</summary>
    public const uint Create = 0x40;
    /// <summary>O_EXCL.</summary>
    public const uint Exclusive = 0x80;
    /// <summary>O_APPEND.</summary>
    public const uint Append = 0x400;
    /// <summary>O_NONBLOCK.</summary>
    public const uint NonBlock = 0x800;
    /// <summary>O_ASYNC.</summary>
    public const uint Async = 0x2000;
    /// <summary>O_DIRECT.</summary>
    public const uint Direct = 0x4000;
    /// <summary>O_LARGEFILE: set on every open by path of a 64-bit program.</summary>
    public const uint LargeFile = 0x8000;
    /// <summary>O_DIRECTORY.</summary>
    public const uint Directory = 0x10000;
    /// <summary>O_NOFOLLOW.</summary>
    public const uint NoFollow = 0x20000;
    /// <summary>O_NOATIME.</summary>
    public const uint NoAccessTime = 0x40000;
    /// <summary>O_CLOEXEC.</summary>
    public const uint CloseOnExec = 0x80000;
    /// <summary>O_PATH.</summary>
    public const uint PathOnly = 0x200000;

    /// <summary>Status flags that F_SETFL changes: O_APPEND, O_NONBLOCK, O_DIRECT, O_NOATIME.</summary>
    internal const uint Settable = Append | NonBlock | Direct | NoAccessTime;

    /// <summary>Flags of open that stay on the open file and F_GETFL shows.</summary>
    internal const uint Kept = Append | NonBlock | NoAccessTime;
}
