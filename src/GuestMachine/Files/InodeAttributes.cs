using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Files;

/// <summary>What fchmod and fchown change: it belongs to the inode, so all open files on one node share it (S-BUF-12).</summary>
/// <param name="type">File type bits; 0 for dma-bufs, which have none.</param>
internal sealed class InodeAttributes(uint type)
{
    /// <summary>The bits that chmod sets.</summary>
    public const uint PermissionBits = 0xfff;

    /// <summary>S_IFCHR.</summary>
    public const uint CharacterDevice = 0x2000;

    /// <summary>S_IFDIR.</summary>
    public const uint Directory = 0x4000;

    /// <summary>S_IFREG.</summary>
    public const uint RegularFile = 0x8000;

    /// <summary>S_IFLNK.</summary>
    public const uint Link = 0xa000;

    private const uint OwnerReadWrite = 0x180;

    /// <summary>File type bits.</summary>
    public uint Type { get; } = type;

    /// <summary>Permission bits: 0600 at first.</summary>
    public uint Permissions { get; set; } = OwnerReadWrite;

    /// <summary>Owner: root at first.</summary>
    public uint Uid { get; set; }

    /// <summary>Group: root at first.</summary>
    public uint Gid { get; set; }

    /// <summary>True if a user may open it with an access mode; root may always.</summary>
    public bool Allows(uint uid, uint gid, AccessMode access)
    {
        int shift = uid == Uid ? 6 : gid == Gid ? 3 : 0;
        uint granted = (Permissions >> shift) & 7;
        uint wanted = access switch { AccessMode.ReadOnly => 4, AccessMode.WriteOnly => 2, _ => 6 };
        return uid == 0 || (granted & wanted) == wanted;
    }
}
