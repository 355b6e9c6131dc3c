using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Files;

/// <summary>
/// An open file of the guest that is an open file of the host, too:
/// the host counts who has it, and one reference here stands for all of them.
/// Models: identity, and whether the host still has it. Does not model: what the host's file is.
/// </summary>
public sealed class NativeFile
{
    internal NativeFile(GuestFile file) => File = file;

    /// <summary>What it is.</summary>
    public FileKind Kind => File.Type;

    /// <summary>Whether a command may make an fd, whatever its argument.</summary>
    public bool MakesFd(uint command) => File.MakesFd(command);

    /// <summary>Where a command's argument has the number of another fd, in bytes from its start; null: nowhere.</summary>
    public uint? FdArgumentOf(uint command) => File.FdArgumentOf(command);

    /// <summary>Its inode number in the guest.</summary>
    public ulong Inode => File.Inode;

    /// <summary>Bytes as fstat shows them; of a dma-buf its size.</summary>
    public ulong Size => File.FileSize;

    /// <summary>Access mode of the open.</summary>
    public AccessMode Access => File.Access;

    /// <summary>How mmap fills a mapping; <see cref="MmapStyle.None"/> for what has no memory of its own to be mapped.</summary>
    public MmapStyle Mmap => (File as MemoryFile)?.Mmap ?? MmapStyle.None;

    /// <summary>The host's last reference is gone. The file itself may live on: an importer or a process of another kind has it.</summary>
    public bool Closed { get; internal set; }

    internal GuestFile File { get; }
}
