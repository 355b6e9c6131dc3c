using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Drm;

/// <summary>
/// A GEM object: pages of its own, or an imported dma-buf.
/// Models: references (handles, its dma-buf, mappings), the dma-buf that it was exported as or imported from (S-GPU-04, 06, 08, 11).
/// Does not model: eviction, tiling, contents of an imported object through the node.
/// </summary>
internal sealed class GemObject : MemoryFile
{
    private readonly GuestDrm _room;
    private readonly Reservation _own = new();

    /// <param name="room">The room that takes it apart.</param>
    /// <param name="device">Its device.</param>
    /// <param name="inode">Inode number of the file behind it.</param>
    /// <param name="size">Bytes, whole pages.</param>
    public GemObject(GuestDrm room, DrmDevice device, ulong inode, ulong size)
        : base(inode, AccessMode.ReadWrite, size, [], shared: false)
    {
        _room = room;
        Device = device;
        device.Objects++;
    }

    /// <inheritdoc/>
    public override string Kind => "GEM object";

    /// <inheritdoc/>
    public override MmapStyle Mmap => MmapStyle.Fault;

    public DrmDevice Device { get; }

    /// <summary>Handles of all clients; at 0 the object lets go of the dma-buf it was exported as.</summary>
    public int Handles { get; set; }

    /// <summary>The dma-buf it stands for while it has handles; the object holds a reference on it. Null: never exported.</summary>
    public DmaBuf? DmaBuf { get; set; }

    /// <summary>The attachment of an imported object, which holds a reference on the dma-buf (S-GPU-02); null for own pages.</summary>
    public Attachment? Import { get; set; }

    /// <summary>Its reservation: that of the dma-buf it was imported from, else its own, which its dma-buf shares (S-BUF-04).</summary>
    public Reservation Fences => Import?.Buffer.Fences ?? _own;

    /// <summary>Where it is mapped through the node; 0: nobody asked.</summary>
    public ulong FakeOffset { get; set; }

    /// <summary>Its name for GEM_OPEN; 0: none.</summary>
    public uint FlinkName { get; set; }

    /// <summary>Gives it its pages: they are taken when somebody first exports or maps it.</summary>
    public void SetPages(Chunk[] pages) => Chunks = pages;

    /// <inheritdoc/>
    public override void Released() => _room.Destroyed(this);
}
