using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Heaps;

/// <summary>An open node of <c>/dev/dma_heap</c> (S-HEAP-01, 05). Each open is a file of its own; mode and owner are the node's.</summary>
internal sealed class HeapDeviceFile(GuestHeaps room, HeapNode node, AccessMode access) : GuestFile(node.Inode, access)
{
    private static readonly FileCalls HeapCalls = FileCalls.Believed.With((FileCall.EpollAdd, FileCallCell.Any(Errno.EPERM)));

    /// <summary>The node.</summary>
    public HeapNode Node { get; } = node;

    /// <inheritdoc/>
    public override string Kind => "dma_heap device";

    /// <inheritdoc/>
    public override FileKind Type => FileKind.HeapNode;

    /// <inheritdoc/>
    public override InodeAttributes Attributes => Node.Attributes;

    /// <inheritdoc/>
    public override string LinkTarget => Node.Path;

    /// <inheritdoc/>
    public override uint RawDevice => Node.RawDevice;

    /// <summary>Recorded (family dev) where the family has the call.</summary>
    public override FileCalls Calls => HeapCalls;

    /// <inheritdoc/>
    public override FileSystem FileSystem => FileSystem.Nodes;

    /// <inheritdoc/>
    public override bool MakesFd(uint command) => HeapIoctl.Allocates(new IoctlCommand(command));

    /// <inheritdoc/>
    public override Result<IoctlOutcome> Ioctl(IoctlCall call) => room.Ioctl(call, Node);
}
