namespace CocoGuest.Linux.Files;

/// <summary>S_IFMT values that matter here.</summary>
public enum UnixFileType
{
    /// <summary>S_IFDIR.</summary>
    Folder = 0x4000,
    /// <summary>S_IFREG.</summary>
    Regular = 0x8000,
    /// <summary>S_IFLNK.</summary>
    Link = 0xa000,
    /// <summary>S_IFSOCK.</summary>
    Socket = 0xc000,
}
