using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Heaps;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Files;

/// <summary>
/// An open file of the guest that is an open file of the host, too: the host counts who has it, and one reference here stands for all of them.
/// Models: identity, and whether the host still has it. Does not model: what the host's file is.
/// </summary>
public sealed class NativeFile
{
    internal NativeFile(GuestFile file) => File = file;

    /// <summary>What it is.</summary>
    public NativeFileKind Kind => File switch
    {
        DmaBuf => NativeFileKind.DmaBuf,
        HeapDeviceFile => NativeFileKind.HeapNode,
        UdmabufNode => NativeFileKind.UdmabufNode,
        DrmFile => NativeFileKind.DrmNode,
        SyncFile => NativeFileKind.SyncFile,
        FenceTimeline => NativeFileKind.Timeline,
        ShmemFile => NativeFileKind.Memfd,
        PathFile => NativeFileKind.PathOnly,
        _ => NativeFileKind.Other,
    };

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
