using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Dma.Allocation;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Heaps;
using CocoGuest.Machine.Host;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.Natives;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Trackers;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;
using CocoGuest.Machine.Rdma;
using CocoGuest.Machine.Tree;

namespace CocoGuest.Machine;

/// <summary>
/// An emulated confidential guest: memory, page states, heaps, DMA, processes and devices behind one lock.
/// </summary>
/// <remarks>
/// <para>One lock orders all control operations, so a guest is deterministic: the same shape, seed and order of calls give the same
/// addresses, bytes and errnos. Loads, stores and DMA of devices are resolved under the lock and copied outside it, on pinned memory.
/// Bounce copies are part of map, unmap and sync, as in the kernel, and run under it.</para>
/// <para>The rooms (<see cref="Buffers"/>, <see cref="Mappings"/>, <see cref="Importers"/> …) hold the operations, and
/// <see cref="GuestCore"/> what they share; this type puts them together and shows them to the service. A guest that terminated itself
/// (S-SNP-37) or was destroyed answers everything with EOWNERDEAD, but for the host's view of a terminated one.</para>
/// </remarks>
public sealed class Guest : IDisposable
{
    private const string Running = "running";
    private readonly GuestCore _core;
    private readonly RamLayout _layout;
    private readonly SharedFrameCounter _shared;
    private readonly ulong _moreReserved;
    private readonly DmaAllocator _allocator;
    private readonly IGuestObserver? _observer;

    private Guest(GuestShape shape, GuestBoot boot, TimeProvider time, ISecretSource secrets, IGuestObserver? observer)
    {
        _observer = observer;
        _layout = boot.Layout;
        _shared = boot.Shared;
        _moreReserved = boot.Areas.Bytes;
        var pages = new WatchedTracker(
            boot.Pages, () => _observer is { WatchesPages: true }, change => _observer?.PagesChanged(this, change));
        _core = CoreOf(shape, boot, pages, time, secrets);
        _core.Facade = this;
        SystemHeap = new SystemHeap(_core.Frames, _core.Pages, _core.Memory, shape.Fragmentation, _core.Log, _core.FaultPoints);
        _allocator = new DmaAllocator(_core.Dma, _core.Frames, _core.Memory, boot.Pages, _core.FaultPoints, _core.Log);
        var processes = new ProcessTable(_core);
        var bufferTrace = new BufferTrace(_core.TraceRing);

        // In the order of layers: each room gets rooms that stand above this line.
        Faults = new GuestFaults(_core.Gate, _core.FaultPoints);
        Trace = new GuestTrace(_core.Gate, shape, _core.TraceRing);
        Files = new GuestFiles(_core, processes);
        Tree = new GuestTree(_core, Files);
        Mappings = new GuestMappings(_core, processes, Files);
        Memfds = new GuestMemfds(_core, Files);
        Pins = new GuestPins(_core, processes, Mappings);
        Devices = new GuestDevices(_core, processes, _allocator);
        DmaApi = new GuestDmaApi(_core, processes, Devices, _allocator);
        Fences = new GuestFences(_core, processes, Files);
        Buffers = new GuestBuffers(_core, Files, Fences, bufferTrace);
        Importers = new GuestImporters(_core, processes, Devices, Fences, Buffers, bufferTrace);
        Moves = new GuestMoves(_core, Fences, Buffers, Importers, SystemHeap);
        Udmabufs = new GuestUdmabufs(_core, Files, Devices, Buffers);
        Heaps = new GuestHeaps(_core, Files, Tree, Buffers, SystemHeap, boot.Areas);
        Drm = new GuestDrm(_core, Files, Devices, Fences, Buffers, Importers);
        Rdma = new GuestRdma(_core, processes, Pins, Devices, Buffers, Importers);
        Processes = new GuestProcesses(_core, processes, Mappings, Fences);
        Natives = new GuestNatives(_core, processes, Files, Mappings, Fences, name => Processes.Open(name));
        Vmm = new GuestVmm(_core, boot.Hypervisor, pages);
        Conversions = new GuestConversions(_core, Buffers, pages);
        Hypercalls = new GuestHypercalls(_core, boot.Hypervisor, pages);
        HostView = new HostView(_core);
        AddPaths();
        Hook();
    }

    /// <summary>The whole shape, defaults filled in.</summary>
    public GuestShape Shape => _core.Shape;

    /// <summary>Open files and fds.</summary>
    public GuestFiles Files { get; }

    /// <summary>Buffers that their exporter moves.</summary>
    public GuestMoves Moves { get; }

    /// <summary>Fences, sync files, poll.</summary>
    public GuestFences Fences { get; }

    /// <summary>The heaps, and which one a use gets.</summary>
    public GuestHeaps Heaps { get; }

    /// <summary>Device nodes and the kernel's text files.</summary>
    public GuestTree Tree { get; }

    /// <summary>Buffers: allocate, release, share.</summary>
    public GuestBuffers Buffers { get; }

    /// <summary>mmap and CPU access.</summary>
    public GuestMappings Mappings { get; }

    /// <summary>attach, map, sync.</summary>
    public GuestImporters Importers { get; }

    /// <summary>Devices and their DMA.</summary>
    public GuestDevices Devices { get; }

    /// <summary>The DMA API for drivers.</summary>
    public GuestDmaApi DmaApi { get; }

    /// <summary>DRM nodes and PRIME.</summary>
    public GuestDrm Drm { get; }

    /// <summary>memfds.</summary>
    public GuestMemfds Memfds { get; }

    /// <summary>/dev/udmabuf.</summary>
    public GuestUdmabufs Udmabufs { get; }

    /// <summary>Processes.</summary>
    public GuestProcesses Processes { get; }

    /// <summary>Real processes of the host that run in the guest.</summary>
    public GuestNatives Natives { get; }

    /// <summary>RDMA memory regions.</summary>
    public GuestRdma Rdma { get; }

    /// <summary>Pinned user memory.</summary>
    public GuestPins Pins { get; }

    /// <summary>Trace events.</summary>
    public GuestTrace Trace { get; }

    /// <summary>Fault injection.</summary>
    public GuestFaults Faults { get; }

    /// <summary>How the VMM answers, and what the host does unasked.</summary>
    public GuestVmm Vmm { get; }

    /// <summary>Conversion calls with raw registers and buffers.</summary>
    public GuestHypercalls Hypercalls { get; }

    /// <summary>Conversions of pages by request.</summary>
    public GuestConversions Conversions { get; }

    /// <summary>What the untrusted host sees and writes.</summary>
    public HostView HostView { get; }

    /// <summary>The heaps that the kernel registered, in order (S-HEAP-46).</summary>
    public IReadOnlyList<HeapInfo> HeapNodes => Heaps.Nodes;

    internal GuestCore Core => _core;

    /// <summary>Whether <see cref="Profiles.Platform.Lab"/> claims encryption at this moment: the recordings' <c>coco</c> switch.</summary>
    internal bool ClaimsEncryption
    {
        get => Dma.Environment.Claim.On;
        set
        {
            using Lock.Scope held = _core.Gate.Hold();
            Dma.Environment.Claim.On = value || Shape.Platform != Profiles.Platform.Lab;
        }
    }

    internal KernelProfile Kernel => _core.Kernel;

    internal PlatformProfile Platform => _core.Platform;

    internal GuestMemory Memory => _core.Memory;

    internal CopyCounter Copies => _core.Copies;

    internal IPageStateTracker Pages => _core.Pages;

    internal FrameZones Frames => _core.Frames;

    internal SystemHeap SystemHeap { get; }

    internal FaultBoard FaultPoints => _core.FaultPoints;

    internal MemoryAccess Access => _core.Access;

    internal DmaMapper Dma => _core.Dma;

    /// <summary>How the guest ended; null while it runs.</summary>
    public string? EndReason
    {
        get
        {
            using Lock.Scope held = _core.Gate.Hold();
            return _core.Gate.EndReason;
        }
    }

    /// <summary>How often the guest's lock was taken so far.</summary>
    public ulong LocksTaken
    {
        get
        {
            using Lock.Scope held = _core.Gate.Hold();
            return _core.Gate.TimesTaken;
        }
    }

    /// <summary>What the guest holds at this moment.</summary>
    public GuestSnapshot Snapshot()
    {
        Natives.Refresh();
        using Lock.Scope held = _core.Gate.Hold();
        Files.ExpireTokens();
        return new GuestSnapshot(Shape, _core.Gate.EndReason ?? Running, CountMemory(), CountObjects(), Dma.Snapshot(), Pages.Counters,
            Copies.Snapshot(Memory.BouncedBytes), [.. _core.Log.Lines().Select(l => l.Text)]);
    }

    /// <summary>Ends the guest: processes die in order, tokens drop, all memory handed out by fd reads zeros.</summary>
    public void Dispose()
    {
        using Lock.Scope held = _core.Gate.Hold();
        if (_core.Gate.IsDestroyed)
        {
            return;
        }

        Processes.DropEverything();
        Files.DropTokens();
        Natives.DropEverything();
        Fences.Dispose();
        if (_core.Gate.Destroy("destroyed"))
        {
            _observer?.GuestEnded(this, "destroyed");
        }

        Memory.Dispose();
    }

    internal static Result<Guest> Boot(GuestShape shape, TimeProvider time, ISecretSource secrets, IGuestObserver? observer)
    {
        Result<GuestBoot> boot = GuestBoot.Run(shape, time);
        return boot.Ok ? new Guest(shape, boot.Value, time, secrets, observer) : boot.Failure;
    }

    private GuestCore CoreOf(GuestShape shape, GuestBoot boot, IPageStateTracker pages, TimeProvider time, ISecretSource secrets) => new()
    {
        Gate = boot.Gate,
        Shape = shape,
        Limits = new GuestLimits(),
        Time = time,
        Secrets = secrets,
        Kernel = KernelProfile.Of(shape.Kernel),
        Platform = PlatformProfile.Of(shape.Platform),
        Log = boot.Log,
        FaultPoints = boot.Faults,
        TraceRing = boot.Trace,
        Frames = boot.Frames,
        Memory = boot.Memory,
        Copies = boot.Copies,
        Pages = pages,
        Dma = boot.Dma,
        SinglePages = new GuestPages(boot.Frames, boot.Memory, boot.Faults),
        Access = new MemoryAccess(boot.Memory, pages, ViewMatrix.For(shape.Platform), boot.Copies) { Faulted = Note },
    };

    // What programs find by path, a line for each kind of file. Inode numbers are given in this order.
    private void AddPaths()
    {
        HeapPaths.AddTo(Tree.Table, _core, Heaps);
        DrmPaths.AddTo(Tree.Table, _core, Drm);
        UdmabufPaths.AddTo(Tree.Table, _core, Udmabufs);
        BufferPaths.AddTo(Tree.Table, _core, Buffers);
        FencePaths.AddTo(Tree.Table, Fences);
        KernelPaths.AddTo(Tree.Table, _core);
    }

    // Connects what rooms tell or ask to those above them whom they do not know.
    private void Hook()
    {
        _core.Hooks.Ended = reason =>
        {
            Fences.EndWaits();
            _observer?.GuestEnded(this, reason);
        };
        _core.Hooks.MemoryRevoked = (backing, reason) => _observer?.MemoryRevoked(backing, reason);
        _core.Hooks.BeforeStore = (plan, bytes) =>
            CiphertextReplay.Before(_core, HostView, plan, bytes) is { } replay ? replay.WriteBack : null;
        Moves.Invalidated = (importer, attachment, within) => _observer?.AttachmentInvalidated(importer, attachment, within);
        Moves.Revoked = (importer, attachment, reason) => _observer?.AttachmentRevoked(importer, attachment, reason);
        Processes.Ended = process => _observer?.ProcessEnded(process);
    }

    // An access faulted. Some end the guest: nobody is left to handle them (S-SNP-13, S-PLAT-12, S-PLAT-13).
    private void Note(PageFault fault)
    {
        _observer?.PageFaulted(this, fault);
        if (fault.EndsGuest)
        {
            bool panics = fault.Fault is ViewFault.VcNotValidated or ViewFault.NpfPrivateMismatch;
            TerminationKind kind = panics ? TerminationKind.Panic : TerminationKind.Stuck;
            Pages.End(GuestTermination.Of(kind, $"{ViewFaults.Describe(fault.Fault)} at guest-physical 0x{fault.Address:x}."));
            _core.NoteTermination();
        }
    }

    private MemoryCensus CountMemory()
    {
        ulong reserved = _layout.Firmware.Bytes + _layout.Pool.Bytes + _layout.Cma.Bytes + _moreReserved;
        ulong free = Frames.FreeFrames * Page.Size;
        ulong leaked = SystemHeap.LeakedBytes + _allocator.LeakedBytes;
        ulong used = _layout.TotalBytes - free - leaked - reserved;
        return new MemoryCensus(_layout.TotalBytes, free, used, leaked, reserved, _shared.Frames * Page.Size);
    }

    private ObjectCensus CountObjects()
    {
        IReadOnlyCollection<GuestProcess> processes = Processes.All;
        return new ObjectCensus(
            processes.Count,
            Buffers.Live,
            processes.Sum(p => p.Fds.Count),
            processes.Sum(p => p.Addresses.Count),
            processes.Sum(p => p.Attachments.Count),
            processes.Sum(p => p.Attachments.Values.Count(a => a.Mapped)),
            Devices.Count,
            Files.TokensInFlight);
    }
}
