using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Tree;

/// <summary>What stands at one path of the guest's tree: data, and functions of the room that put it there.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Inode">Inode number.</param>
/// <param name="Attributes">Mode and owner.</param>
internal sealed record TreeItem(TreeKind Kind, ulong Inode, InodeAttributes Attributes)
{
    /// <summary>Its text, one character a byte; null for what has none. It gives null when the thing that it describes is gone.</summary>
    public Func<string?>? Text { get; init; }

    /// <summary>A new open file on it; null for what is not opened so.</summary>
    public Func<GuestProcess, AccessMode, GuestFile>? Open { get; init; }

    /// <summary>What is in a folder whose content comes and goes; null for any other.</summary>
    public Func<IEnumerable<TreeEntry>>? Entries { get; init; }

    /// <summary>Where a symbolic link leads, as readlink tells it; null for what is none.</summary>
    public string? Target { get; init; }

    /// <summary>st_rdev.</summary>
    public uint RawDevice { get; init; }

    /// <summary>st_size: a page for files of sysfs, 0 for those of procfs and debugfs.</summary>
    public ulong Size { get; init; }

    /// <summary>O_EXCL is refused: DRM nodes (S-GPU-26).</summary>
    public bool RefusesExclusive { get; init; }

    /// <summary>d_type.</summary>
    public byte DirentType => (byte)(Attributes.Type >> 12);
}
