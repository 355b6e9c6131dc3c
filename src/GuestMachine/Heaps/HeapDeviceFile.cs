using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Heaps;

/// <summary>An open node of <c>/dev/dma_heap</c> (S-HEAP-01, 05). Each open is a file of its own; mode and owner are the node's.</summary>
internal sealed class HeapDeviceFile(HeapNode node, AccessMode access) : GuestFile(node.Inode, access)
{
    /// <summary>The node.</summary>
    public HeapNode Node { get; } = node;

    /// <inheritdoc/>
    public override string Kind => "dma_heap device";

    /// <inheritdoc/>
    public override FileKind Type => FileKind.HeapDevice;

    /// <inheritdoc/>
    public override InodeAttributes Attributes => Node.Attributes;

    /// <inheritdoc/>
    public override string LinkTarget => Node.Path;

    /// <inheritdoc/>
    public override uint RawDevice => Node.RawDevice;
}
