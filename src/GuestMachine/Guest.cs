using CocoGuest.Machine.Abi;
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
/// <para>One lock orders all control operations, so a guest is deterministic: the same shape, seed and order of calls give the same addresses,
/// bytes and errnos. Loads, stores and DMA of devices are resolved under the lock and copied outside it, on pinned memory. Bounce copies are
/// part of map, unmap and sync, as in the kernel, and run under it.</para>
/// <para>The rooms (<see cref="Buffers"/>, <see cref="Mappings"/>, <see cref="Importers"/>, <see cref="Devices"/>, <see cref="Processes"/>,
/// <see cref="Host"/>) hold the operations; this type holds what they share. A guest that terminated itself (S-SNP-37) or was destroyed
/// answers everything with EOWNERDEAD, but for the host's view of a terminated one.</para>
/// </remarks>
public sealed class Guest : IDisposable
{
    private const string Running = "running";
    private readonly RamLayout _layout;
    private readonly KernelLog _log;
    private readonly FrameZones _frames;
    private readonly SharedFrameCounter _shared;
    private readonly ulong _moreReserved;
    private string? _end;
    private bool _disposed;

    private Guest(GuestShape shape, GuestBoot boot, TimeProvider time, ISecretSource secrets, IGuestObserver? observer)
    {
        var limits = new GuestLimits();
        Shape = shape;
        Kernel = KernelProfile.Of(shape.Kernel);
        Platform = PlatformProfile.Of(shape.Platform);
        Secrets = secrets;
        Observer = observer;
        _layout = boot.Layout;
        _log = boot.Log;
        _frames = boot.Frames;
        _shared = boot.Shared;
        _moreReserved = boot.MoreReservedBytes;
        Memory = boot.Memory;
        Copies = boot.Copies;
        var pages = new WatchedTracker(boot.Pages, () => Observer is { WatchesPages: true }, change => Observer?.PagesChanged(this, change));
        Pages = pages;
        Dma = boot.Dma;
        FaultPoints = boot.Faults;
        Faults = new GuestFaults(this, boot.Faults);
        Trace = new GuestTrace(this, boot.Trace);
        SystemHeap = new SystemHeap(_frames, Pages, Memory, shape.Fragmentation, _log, FaultPoints);
        SinglePages = new GuestPages(_frames, Memory, FaultPoints);
        Access = new MemoryAccess(Memory, Pages, ViewMatrix.For(shape.Platform), Copies) { Faulted = Note };
        Hypervisor = new GuestHypervisor(this, boot.Hypervisor, pages);
        Conversions = new GuestConversions(this, pages);
        Hypercalls = new GuestHypercalls(this, boot.Hypervisor, pages);
        Files = new GuestFiles(this, time, limits);
        Heaps = new GuestHeaps(this, boot, limits);
        Tree = new GuestTree(this);
        Fences = new GuestFences(this, time);
        Buffers = new GuestBuffers(this);
        Mappings = new GuestMappings(this);
        Pins = new GuestPins(this);
        Rdma = new GuestRdma(this, limits);
        Importers = new GuestImporters(this, limits);
        Moves = new GuestMoves(this);
        DmaApi = new GuestDmaApi(this, limits, new DmaAllocator(boot.Dma, boot.Frames, boot.Memory, boot.Pages, boot.Faults, boot.Log));
        Devices = new GuestDevices(this, limits);
        Natives = new GuestNatives(this);
        Processes = new GuestProcesses(this, limits);
        Drm = new GuestDrm(this);
        Memfds = new GuestMemfds(this);
        Udmabufs = new GuestUdmabufs(this);
        Host = new GuestHostView(this);
        Devices.AddBuiltIn(Processes.Init);
    }

    /// <summary>The whole shape, defaults filled in.</summary>
    public GuestShape Shape { get; }

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
    public GuestHypervisor Hypervisor { get; }

    /// <summary>Conversion calls with raw registers and buffers.</summary>
    public GuestHypercalls Hypercalls { get; }

    /// <summary>Conversions of pages by request.</summary>
    public GuestConversions Conversions { get; }

    /// <summary>What the untrusted host sees and writes.</summary>
    public GuestHostView Host { get; }

    /// <summary>The heaps that the kernel registered, in order (S-HEAP-46).</summary>
    public IReadOnlyList<HeapInfo> HeapNodes => Heaps.Nodes;

    internal Lock Gate { get; } = new();

    internal KernelLog Log => _log;

    internal KernelProfile Kernel { get; }

    internal PlatformProfile Platform { get; }

    /// <summary>Whether <see cref="Profiles.Platform.Lab"/> claims encryption at this moment: the recordings' <c>coco</c> switch.</summary>
    internal bool ClaimsEncryption
    {
        get => Dma.Environment.Claim.On;
        set
        {
            lock (Gate)
            {
                Dma.Environment.Claim.On = value || Shape.Platform != Profiles.Platform.Lab;
            }
        }
    }

    internal ISecretSource Secrets { get; }

    internal IGuestObserver? Observer { get; }

    internal GuestMemory Memory { get; }

    internal CopyCounter Copies { get; }

    internal IPageStateTracker Pages { get; }

    internal FrameZones Frames => _frames;

    internal SystemHeap SystemHeap { get; }

    internal GuestPages SinglePages { get; }

    internal FaultBoard FaultPoints { get; }

    internal MemoryAccess Access { get; }

    internal DmaMapper Dma { get; }

    /// <summary>How the guest ended; null while it runs.</summary>
    public string? EndReason
    {
        get
        {
            lock (Gate)
            {
                return _end;
            }
        }
    }

    /// <summary>What the guest holds at this moment.</summary>
    public GuestSnapshot Snapshot()
    {
        Natives.Refresh();
        lock (Gate)
        {
            Files.ExpireTokens();
            return new GuestSnapshot(Shape, _end ?? Running, CountMemory(), CountObjects(), Dma.Snapshot(), Pages.Counters,
                Copies.Snapshot(Memory.BouncedBytes), [.. _log.Lines().Select(l => l.Text)]);
        }
    }

    /// <summary>Ends the guest: processes die in order, tokens drop, all memory handed out by fd reads zeros.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            if (_disposed)
            {
                return;
            }

            Processes.DropEverything();
            Files.DropTokens();
            Natives.DropEverything();
            Fences.Dispose();
            _disposed = true;
            if (_end is null)
            {
                _end = "destroyed";
                Observer?.GuestEnded(this, _end);
            }

            Memory.Dispose();
        }
    }

    internal static Result<Guest> Boot(GuestShape shape, TimeProvider time, ISecretSource secrets, IGuestObserver? observer)
    {
        Result<GuestBoot> boot = GuestBoot.Run(shape, time);
        return boot.Ok ? new Guest(shape, boot.Value, time, secrets, observer) : boot.Failure;
    }

    /// <summary>EINVAL for an access longer than <see cref="GuestLimits.BytesPerAccess"/>.</summary>
    internal static Failure? CheckAccessLength(string operation, ulong length) =>
        length <= GuestLimits.BytesPerAccess
            ? null
            : new Failure(Errno.EINVAL, operation, "check length", $"{length} bytes in one call; at most {GuestLimits.BytesPerAccess}.", "length");

    /// <summary>EOWNERDEAD once the guest is destroyed.</summary>
    internal Failure? CheckNotDestroyed() => _disposed ? Ended() : null;

    /// <summary>EOWNERDEAD once the guest terminated or was destroyed.</summary>
    /// <remarks>A call of nobody's begins: the host's, or one without a process.</remarks>
    internal Failure? CheckAlive()
    {
        FaultPoints.Current = null;
        return _end is null ? null : Ended();
    }

    /// <summary>As <see cref="CheckAlive()"/>, and ENOENT for a process that is gone or another guest's. Its call runs from here on.</summary>
    internal Failure? CheckAlive(GuestProcess process)
    {
        FaultPoints.Current = process;
        return _end is not null ? Ended()
        : CheckOwn(process) is { } foreign ? foreign
        : process.Alive ? null
        : new Failure(Errno.ENOENT, "find_process", "check life", $"Process {process.Pid} ({process.Name}) is gone.", "process");
    }

    /// <summary>ENOENT for a process of another guest: what it holds is not of this guest's memory.</summary>
    internal Failure? CheckOwn(GuestProcess process) =>
        ReferenceEquals(process.Guest, this)
            ? null
            : new Failure(Errno.ENOENT, "find_process", "check guest", $"Process {process.Pid} is not a process of guest {Shape.Name}.", "process");

    /// <summary>Called after conversions: a guest that terminated itself stays so (S-SNP-37).</summary>
    internal void NoteTermination()
    {
        if (_end is null && Pages.Termination is { } termination)
        {
            _end = termination.Words;
            Fences.EndWaits();
            Observer?.GuestEnded(this, _end);
        }
    }

    // An access faulted. Some end the guest: nobody is left to handle them (S-SNP-13, S-PLAT-12, S-PLAT-13).
    private void Note(PageFault fault)
    {
        Observer?.PageFaulted(this, fault);
        if (fault.EndsGuest)
        {
            bool panics = fault.Fault is ViewFault.VcNotValidated or ViewFault.NpfPrivateMismatch;
            TerminationKind kind = panics ? TerminationKind.Panic : TerminationKind.Stuck;
            Pages.End(GuestTermination.Of(kind, $"{ViewFaults.Describe(fault.Fault)} at guest-physical 0x{fault.Address:x}."));
            NoteTermination();
        }
    }

    private Failure Ended() => new(Errno.EOWNERDEAD, "find_guest", "check life", $"Guest {Shape.Name} is gone: {_end}.", "guest");

    private MemoryCensus CountMemory()
    {
        ulong reserved = _layout.Firmware.Bytes + _layout.Pool.Bytes + _layout.Cma.Bytes + _moreReserved;
        ulong free = _frames.FreeFrames * Page.Size;
        ulong leaked = SystemHeap.LeakedBytes + DmaApi.LeakedBytes;
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
