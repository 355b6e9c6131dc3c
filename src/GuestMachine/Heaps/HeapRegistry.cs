using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Heaps;

/// <summary>
/// The heaps that a guest's kernel has registered, in the order of registration.
/// Models: the checks of registering in their order, minor numbers (S-HEAP-01 to 03). Does not model: removal; no kernel here can remove
/// a heap.
/// </summary>
internal sealed class HeapRegistry(FaultBoard faults)
{
    /// <summary>The heap that every kernel has.</summary>
    public const string SystemHeapName = "system";

    /// <summary>Minor numbers: 0 to 127 (S-HEAP-01).</summary>
    public const int Minors = 128;

    // Inode numbers of nodes belong to another file system than those of dma-bufs.
    private const ulong FirstInode = 100;
    private readonly List<HeapNode> _nodes = [];

    /// <summary>All nodes, in the order of registration.</summary>
    public IReadOnlyList<HeapNode> Nodes => _nodes;

    /// <summary>What user space knows of them.</summary>
    public IReadOnlyList<HeapInfo> All { get; private set; } = [];

    /// <summary>Told of each heap that comes from now on; who sets it looks at <see cref="Nodes"/> for those that came before.</summary>
    public Action<HeapNode>? Added { get; set; }

    /// <summary>The heap with this name, or null (ENOENT).</summary>
    public HeapNode? Find(string name)
    {
        // A loop: a closure would cost every allocation 88 bytes.
        foreach (HeapNode node in _nodes)
        {
            if (node.Info.Name == name)
            {
                return node;
            }
        }

        return null;
    }

    /// <summary>The heap with this minor number, or null (ENODEV, S-HEAP-04).</summary>
    public HeapNode? FindMinor(uint minor) => _nodes.Find(h => h.Info.Minor == minor);

    /// <summary>dma_heap_add: the first failing check of S-HEAP-03 wins; a duplicate name comes last and undoes the rest.</summary>
    /// <param name="wanted">Name and flags; the minor number is given here.</param>
    /// <param name="heap">What allocates; null: ops without an allocate function.</param>
    /// <param name="exporter">Exporter of its buffers.</param>
    /// <returns>The node; EINVAL, ENOMEM, EBUSY.</returns>
    public Result<HeapNode> Add(HeapInfo wanted, Heap? heap, Exporter? exporter)
    {
        if (string.IsNullOrEmpty(wanted.Name))
        {
            return Refused(Errno.EINVAL, "check name", "The heap has no name.", "name");
        }

        if (heap is null || exporter is null)
        {
            return Refused(Errno.EINVAL, "check ops", $"Heap {wanted.Name} has no allocate function.", "ops");
        }

        if (faults.Fails(FaultPoint.Failslab))
        {
            return Refused(Errno.ENOMEM, "allocate heap", $"No memory for heap {wanted.Name}.", null);
        }

        if (_nodes.Count == Minors)
        {
            return Refused(Errno.EBUSY, "get minor", $"All {Minors} minor numbers are in use.", null);
        }

        if (Find(wanted.Name) is not null)
        {
            return Refused(Errno.EINVAL, "check duplicate", $"A heap {wanted.Name} is registered already.", "name");
        }

        // Nothing ever frees a minor number, so the lowest free one is the count.
        var node = new HeapNode(wanted with { Minor = (uint)_nodes.Count }, heap, exporter, FirstInode + (ulong)_nodes.Count);
        _nodes.Add(node);
        All = [.. _nodes.Select(n => n.Info)];
        Added?.Invoke(node);
        return node;
    }

    private static Failure Refused(Errno errno, string step, string sentence, string? field) =>
        new(errno, "dma_heap_add", step, sentence, field);

    /// <summary>The nodes of the system heap on a platform (S-HEAP-42, 48).</summary>
    internal static IEnumerable<string> SystemHeapNames(GuestShape shape, KernelProfile kernel)
    {
        yield return SystemHeapName;
        if (kernel.SharedHeapName is { } shared && PlatformDmaTraits.Of(shape.Platform, kernel.Version).MemEncrypt)
        {
            yield return shared;
        }
    }
}
