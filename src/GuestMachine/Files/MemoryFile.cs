using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Machine.Files;

/// <summary>
/// A file whose content is guest memory that processes can map: a dma-buf, the pages behind a GEM object.
/// Models: size, frames in order, whether they were turned shared, how mappings are filled.
/// </summary>
internal abstract class MemoryFile : GuestFile
{
    /// <param name="inode">Inode number.</param>
    /// <param name="access">Access mode of the file.</param>
    /// <param name="size">Bytes, whole pages.</param>
    /// <param name="chunks">The frames, in the file's order; empty for a kind that takes its pages later.</param>
    /// <param name="shared">The frames were converted to shared.</param>
    protected MemoryFile(ulong inode, AccessMode access, ulong size, Chunk[] chunks, bool shared)
        : base(inode, access)
    {
        Size = size;
        Chunks = chunks;
        Shared = shared;
    }

    /// <summary>Bytes, whole pages.</summary>
    public ulong Size { get; }

    /// <summary>The frames, in order.</summary>
    public Chunk[] Chunks { get; protected set; }

    /// <summary>True when the pages were converted to shared.</summary>
    public bool Shared { get; }

    /// <summary>The memfd of host-visible memory; null for private memory.</summary>
    public VisibleBacking? Backing { get; set; }

    /// <summary>The memfd of private memory that native processes map; null while none asked for it.</summary>
    public PrivateBacking? PrivateBacking { get; set; }

    /// <summary>How mmap fills a mapping.</summary>
    public abstract MmapStyle Mmap { get; }

    /// <summary>Called when a CPU access begins whose bytes are copied outside the guest's lock.</summary>
    public virtual void AccessBegins()
    {
    }

    /// <summary>Called under the lock when that access is over.</summary>
    public virtual void AccessEnds()
    {
    }

    /// <summary>Called when an mmap of the file has passed the checks that are the same for all files.</summary>
    public virtual void MmapAsked()
    {
    }

    /// <summary>The frames are about to be given back: what native processes still have mapped of them reads zeros.</summary>
    public void TakeBack(GuestMemory memory)
    {
        if (PrivateBacking is { } backing)
        {
            PrivateBacking = null;
            memory.RemovePrivateBacking(backing);
        }
    }

    /// <inheritdoc/>
    public override Result<MapTarget> FindMapTarget(ulong offset, ulong length) => new MapTarget(this, offset);
}
