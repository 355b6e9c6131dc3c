using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>The open node /dev/udmabuf (S-BUF-113). It takes its two ioctls and nothing else: read and write EINVAL, mmap ENODEV.</summary>
/// <param name="room">The room that makes buffers.</param>
/// <param name="attributes">Mode and owner of the node.</param>
/// <param name="access">Access mode of the open.</param>
internal sealed class UdmabufNode(GuestUdmabufs room, InodeAttributes attributes, AccessMode access) : GuestFile(NodeInode, access)
{
    /// <summary>Path of the node.</summary>
    public const string Path = "/dev/udmabuf";

    /// <summary>Major number of all misc devices.</summary>
    public const uint Major = 10;

    /// <summary>Dynamic minor number: the one that this emulator gives it.</summary>
    public const uint Minor = 122;

    /// <summary>Text of the device's <c>uevent</c> in sysfs.</summary>
    public static readonly string Uevent = $"MAJOR={Major}\nMINOR={Minor}\nDEVNAME=udmabuf\n";

    private static readonly FileCalls NodeCalls = FileCalls.Believed.With(
        (FileCall.Pread, FileCallCell.Reads(Errno.EINVAL)), (FileCall.Pwrite, FileCallCell.Writes(Errno.EINVAL)),
        (FileCall.EpollAdd, FileCallCell.Any(Errno.EPERM)));

    /// <summary>Inode number of the node.</summary>
    public const ulong NodeInode = 290;

    /// <summary>st_rdev.</summary>
    public const uint Device = (Major << 8) | Minor;

    /// <inheritdoc/>
    public override string Kind => "udmabuf device";

    /// <inheritdoc/>
    public override FileKind Type => FileKind.UdmabufNode;

    /// <inheritdoc/>
    public override InodeAttributes Attributes { get; } = attributes;

    /// <inheritdoc/>
    public override string LinkTarget => Path;

    /// <inheritdoc/>
    public override uint RawDevice => Device;

    /// <inheritdoc/>
    public override FileCalls Calls => NodeCalls;

    /// <inheritdoc/>
    public override FileSystem FileSystem => FileSystem.Nodes;

    /// <inheritdoc/>
    public override bool MakesFd(uint command) => command is GuestUdmabufs.CreateCommand or GuestUdmabufs.CreateListCommand;

    /// <inheritdoc/>
    public override Result<IoctlOutcome> Ioctl(IoctlCall call)
    {
        Result<BufferHandle> made = new UdmabufIoctl(room, call).Run();
        return made.Ok ? new IoctlOutcome(made.Value.Fd) : made.Failure;
    }
}
