using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Files;

/// <summary>An O_PATH fd: names a file without opening it, so that every call but stat, fcntl, dup, close and readlink fails with EBADF.
/// It keeps what it names alive. Does not model: that it is not counted among the file's references.</summary>
internal sealed class PathFile(GuestFile named) : GuestFile(named.Inode, AccessMode.ReadOnly)
{
    /// <inheritdoc/>
    public override string Kind => "O_PATH";

    /// <inheritdoc/>
    public override FileKind Type => FileKind.PathOnly;

    /// <summary>The file that it names; held, as the path holds the inode.</summary>
    public GuestFile Named { get; } = named;

    /// <inheritdoc/>
    public override void Released() => GuestFiles.Put(Named);

    /// <inheritdoc/>
    public override InodeAttributes Attributes => Named.Attributes;

    /// <inheritdoc/>
    public override string LinkTarget => Named.LinkTarget;

    /// <inheritdoc/>
    public override FileSystem FileSystem => Named.FileSystem;

    /// <inheritdoc/>
    public override ulong FileSize => Named.FileSize;
}
