using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;
using CocoGuest.Machine.Tree;

namespace CocoGuest.Machine.Heaps;

/// <summary>
/// The heaps of a guest: what start-up registers, protected heaps of TEE drivers, and the map from uses to heaps that programs ask.
/// Models: registration in the kernel's order (S-HEAP-46), one CMA heap an area (S-CMA-08),
/// TEE pools (S-TEE-05 to 09), accounting (S-HEAP-53).
/// Does not model: drivers that register heaps later, other than TEE drivers.
/// </summary>
public sealed partial class GuestHeaps
{
    private const int UseLimit = 64;
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly GuestFiles _files;
    private readonly GuestTree _tree;
    private readonly GuestBuffers _buffers;
    private readonly SystemHeap _system;
    private readonly SortedDictionary<string, HeapUse> _uses = new(StringComparer.Ordinal);
    private readonly Dictionary<TeeUse, TeeHeap> _tee = [];
    private ConversionCost _latestCost = ConversionCost.None;

    internal GuestHeaps(GuestCore core, GuestFiles files, GuestTree tree, GuestBuffers buffers, SystemHeap system, BootAreas areas)
    {
        _core = core;
        _gate = core.Gate;
        _files = files;
        _tree = tree;
        _buffers = buffers;
        _system = system;
        Registry = new HeapRegistry(core.FaultPoints);
        RegisterAll(core.Shape, areas);
        foreach (HeapUse use in HeapUseTable.Defaults(core.Kernel, core.Dma.Environment.MemEncrypt, Registry))
        {
            _uses.Add(use.Use, use);
        }
    }

    /// <summary>The heaps that the kernel registered, in order (S-HEAP-46).</summary>
    public IReadOnlyList<HeapInfo> Nodes => Registry.All;

    /// <summary>The use map: which heap a program gets that asks by use, sorted by name.</summary>
    public IReadOnlyList<HeapUse> Uses
    {
        get
        {
            using Lock.Scope held = _gate.Hold();
            return [.. _uses.Values];
        }
    }

    internal HeapRegistry Registry { get; }

    /// <summary>The heap for a use: ENOENT for a use that is in no row.</summary>
    public Result<HeapUse> ForUse(string use)
    {
        using CallScope call = _gate.Enter();
        return call.Refused is { } dead ? dead
            : _uses.TryGetValue(use, out HeapUse? row) ? row
            : new Failure(Errno.ENOENT, "heap_for_use", "look up use",
                $"No heap serves use '{Shorten(use)}' here; uses are {string.Join(", ", _uses.Keys)}.", "use");
    }

    /// <summary>
    /// open of a character device of the dma_heap region by number, as a node that somebody made with mknod: ENODEV without a heap.
    /// </summary>
    public Result<int> OpenMinor(GuestProcess process, uint minor, uint flags)
    {
        using CallScope call = _gate.Enter(process);
        return call.Refused is { } dead ? dead
            : Registry.FindMinor(minor) is { } node ? _tree.Open(process, node.Path, flags)
            : new Failure(Errno.ENODEV, "open", "look up minor", $"No heap has minor number {minor} (S-HEAP-04).", "minor");
    }

    /// <summary>Sets the heap for a use, known or new.</summary>
    /// <param name="use">1 to 64 characters.</param>
    /// <param name="heap">A registered heap, else ENOENT.</param>
    /// <param name="heapFlags">Flags that this heap knows, else EINVAL.</param>
    public Failure? SetUse(string use, string heap, ulong heapFlags)
    {
        using CallScope call = _gate.Enter();
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (use.Length is 0 or > UseLimit)
        {
            return new Failure(Errno.EINVAL, "set_heap_use", "check use",
                $"A use has 1 to {UseLimit} characters, not {use.Length}.", "use");
        }

        if (Registry.Find(heap) is not { } node)
        {
            return new Failure(Errno.ENOENT, "set_heap_use", "look up heap", $"There is no heap '{Shorten(heap)}'.", "heap");
        }

        if ((heapFlags & ~node.Info.ValidHeapFlags) != 0)
        {
            return new Failure(Errno.EINVAL, "set_heap_use", "check heap_flags",
                $"heap_flags 0x{heapFlags:x} has bits that heap {heap} does not know.", "heap_flags");
        }

        if (_uses.Count >= _core.Limits.HeapUses && !_uses.ContainsKey(use))
        {
            return new Failure(Errno.ENOSPC, "set_heap_use", "check limit", $"The guest has {_core.Limits.HeapUses} uses already.", "use");
        }

        _uses[use] = new HeapUse(use, heap, heapFlags, IsDefault: false);
        return null;
    }

    /// <summary>Allocates by use: the heap and flags of its row.</summary>
    /// <returns>ENOENT for an unknown use; else what <see cref="Allocate"/> returns.</returns>
    public Result<BufferHandle> AllocateByUse(GuestProcess process, string use, ulong length, uint fdFlags)
    {
        Result<HeapUse> row = ForUse(use);
        return row.Ok ? Allocate(process, row.Value.Heap, length, fdFlags, row.Value.HeapFlags) : row.Failure;
    }

    /// <summary>
    /// The TEE device behind a protected heap goes: the node stays, allocations fail with EINVAL from then on (S-TEE-09).
    /// </summary>
    /// <returns>ENOENT when no heap of that use has a device.</returns>
    public Failure? RemoveTeeDevice(TeeUse use)
    {
        using CallScope call = _gate.Enter();
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (!_tee.TryGetValue(use, out TeeHeap? heap) || !heap.HasDevice)
        {
            return new Failure(Errno.ENOENT, "tee_device_unregister", "look up heap", $"No TEE device serves {use}.", "use");
        }

        heap.HasDevice = false;
        return null;
    }

    /// <summary>A TEE driver registers a pool for a use (S-TEE-06, 09).</summary>
    /// <returns>EINVAL for an unknown use or an area that is not page-aligned, EBUSY when a TEE device serves it already.</returns>
    internal Failure? RegisterTee(TeePoolSpec pool, FrameRange area)
    {
        if (TeePoolSpec.NameOf(pool.Use) is not { } name)
        {
            return new Failure(Errno.EINVAL, "tee_device_register_dma_heap", "check id", $"{(int)pool.Use} is no heap id.", "use");
        }

        if (_tee.TryGetValue(pool.Use, out TeeHeap? present))
        {
            if (present.HasDevice)
            {
                return new Failure(Errno.EBUSY, "tee_device_register_dma_heap", "check id", $"A TEE device serves {name} already.", "use");
            }

            // The node stayed; the device that comes back has the pool that it had.
            present.HasDevice = true;
            return null;
        }

        var heap = new TeeHeap(new CmaArea(area), _core.FaultPoints);
        Result<HeapNode> node = Add(new HeapInfo(name, 0, 0, AlwaysShared: false, HeapKind.Tee), heap, "tee", HeapExporter.Tee);
        if (node.Ok)
        {
            _tee[pool.Use] = heap;
        }

        return node.Failure;
    }

    // S-HEAP-46: system, system_cc_shared, CMA heaps, TEE heaps. What the shape does not name is left out, as a build option leaves it out.
    private void RegisterAll(GuestShape shape, BootAreas areas)
    {
        KernelProfile kernel = _core.Kernel;
        foreach (string name in HeapRegistry.SystemHeapNames(shape, kernel).Where(shape.Heaps.Contains))
        {
            bool shared = name != HeapRegistry.SystemHeapName;
            Add(new HeapInfo(name, 0, shared ? 0 : kernel.SystemHeapFlags, shared), _system, name, HeapExporter.System);
        }

        foreach ((string name, CmaHeap heap) in areas.Cma.Where(c => shape.Heaps.Contains(c.Name)))
        {
            if (!Add(new HeapInfo(name, 0, 0, AlwaysShared: false, HeapKind.Cma), heap, name, HeapExporter.Cma).Ok)
            {
                _core.Log.Warn($"cma_heap: Failed to add CMA heap {name}");
            }
        }

        foreach (TeePoolSpec pool in shape.TeePools.Where(p => shape.Heaps.Contains(TeePoolSpec.NameOf(p.Use)!)))
        {
            RegisterTee(pool, areas.Tee[pool.Use]);
        }
    }

    private Result<HeapNode> Add(HeapInfo info, Heap heap, string exporterName, ExporterTraits traits) =>
        Registry.Add(info, heap, new HeapExporter(exporterName, heap, traits));

    private static string Shorten(string text) => text.Length <= 64 ? text : text[..64] + "…";
}
