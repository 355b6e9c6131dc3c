using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>The open node /dev/udmabuf (S-BUF-113). It takes its two ioctls and nothing else: read and write EINVAL, mmap ENODEV.</summary>
/// <param name="attributes">Mode and owner of the node.</param>
/// <param name="access">Access mode of the open.</param>
internal sealed class UdmabufNode(InodeAttributes attributes, AccessMode access) : GuestFile(NodeInode, access)
{
    /// <summary>Path of the node.</summary>
    public const string Path = "/dev/udmabuf";

    /// <summary>Major number of all misc devices.</summary>
    public const uint Major = 10;

    /// <summary>Dynamic minor number: the one that this emulator gives it.</summary>
    public const uint Minor = 122;

    /// <summary>Text of the device's <c>uevent</c> in sysfs.</summary>
    public static readonly string Uevent = $"MAJOR={Major}\nMINOR={Minor}\nDEVNAME=udmabuf\n";

    /// <summary>Inode number of the node.</summary>
    public const ulong NodeInode = 290;

    /// <summary>st_rdev.</summary>
    public const uint Device = (Major << 8) | Minor;

    /// <inheritdoc/>
    public override string Kind => "udmabuf device";

    /// <inheritdoc/>
    public override FileKind Type => FileKind.UdmabufDevice;

    /// <inheritdoc/>
    public override InodeAttributes Attributes { get; } = attributes;

    /// <inheritdoc/>
    public override string LinkTarget => Path;

    /// <inheritdoc/>
    public override uint RawDevice => Device;
}
