namespace CocoGuest.Machine.Files;

/// <summary>The open node /dev/udmabuf. It takes its two ioctls and nothing else: read and write EINVAL, mmap ENODEV.</summary>
internal sealed class UdmabufNode(ulong inode) : GuestFile(inode, AccessMode.ReadWrite)
{
    /// <inheritdoc/>
    public override string Kind => "udmabuf device";
}
