using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Heaps;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Encryption;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Trackers;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine;

/// <summary>
/// What start-up makes before the first process runs: RAM layout, memory, page states, the bounce pool, the DMA layer.
/// Order as in the kernel: the pool is sized, reserved, turned shared and cleared, then announced (S-SWI-05 to 10).
/// </summary>
internal sealed class GuestBoot
{
    // The first key slot that an SNP guest may get (S-ENC-07).
    private const int KeyId = 1;

    private GuestBoot(
        RamLayout layout, GuestMemory memory, CopyCounter copies, KernelLog log, IPageStateTracker pages, SharedFrameCounter shared,
        FrameZones frames, DmaMapper dma, FaultBoard faults)
    {
        Layout = layout;
        Memory = memory;
        Copies = copies;
        Log = log;
        Pages = pages;
        Shared = shared;
        Frames = frames;
        Dma = dma;
        Faults = faults;
    }

    public RamLayout Layout { get; }

    public GuestMemory Memory { get; }

    public CopyCounter Copies { get; }

    public KernelLog Log { get; }

    public IPageStateTracker Pages { get; }

    public SharedFrameCounter Shared { get; }

    /// <summary>The lock, and whose call runs.</summary>
    public required GuestGate Gate { get; init; }

    /// <summary>What is set aside for heaps, besides what is in <see cref="Layout"/>.</summary>
    public required BootAreas Areas { get; init; }

    public FrameZones Frames { get; }

    public DmaMapper Dma { get; }

    /// <summary>The ring of trace events.</summary>
    public required TraceBuffer Trace { get; init; }

    /// <summary>The VMM; it obeys at boot.</summary>
    public required PolicyHypervisor Hypervisor { get; init; }

    /// <summary>Armed faults; none at boot.</summary>
    public FaultBoard Faults { get; }

    public static Result<GuestBoot> Run(GuestShape shape, TimeProvider time)
    {
        Result<SwiotlbOptions> options = SwiotlbOptions.Parse(shape.Swiotlb, shape.Kernel);
        if (!options.Ok)
        {
            return options.Failure;
        }

        int cBit = shape.CBitPosition == 0 ? DmaEnvironment.DefaultCBit : (int)shape.CBitPosition;
        int width = shape.Platform == Platform.CcaRealm && shape.GpaWidth != 0 ? (int)shape.GpaWidth : DmaEnvironment.DefaultIpaWidth;

        var environment = new DmaEnvironment(shape.Platform, shape.Kernel, RamLayout.EndOf(shape.MemoryBytes) - 1, cBit, width);
        SwiotlbPlan plan = SwiotlbSizing.Compute(environment, shape.MemoryBytes, (int)shape.Cpus, options.Value);
        ulong cma = shape.Cma.Length != 0 && GuestShapeRules.TryParseSize(shape.Cma, out ulong bytes) ? Page.AlignUp(bytes) : 0;
        if (!RamLayout.Fits(shape.MemoryBytes, plan.Bytes, cma))
        {
            return new Failure(Errno.ENOMEM, "create_guest", "reserve boot memory",
                $"{shape.MemoryBytes} bytes of RAM do not hold the swiotlb pool of {plan.Bytes} and the cma area of {cma} bytes.",
                "memory_bytes");
        }

        var layout = new RamLayout(shape.MemoryBytes, plan.Bytes, cma);
        var copies = new CopyCounter();
        Result<GuestMemory> memory = GuestMemory.Create(layout, shape.Platform, new XexEngine(shape.Seed, KeyId), copies);
        return memory.Ok ? Start(shape, layout, memory.Value, copies, environment, plan, time) : memory.Failure;
    }

    private static Result<GuestBoot> Start(
        GuestShape shape, RamLayout layout, GuestMemory memory, CopyCounter copies,
        DmaEnvironment environment, SwiotlbPlan plan, TimeProvider time)
    {
        var gate = new GuestGate(shape.Name);
        var log = new KernelLog(time);
        var shared = new SharedFrameCounter(memory);
        var faults = new FaultBoard(gate);
        var vmm = new PolicyHypervisor(HypervisorPolicy.Obedient);
        memory.VmmDiscards = () => vmm.DiscardsOldBacking;
        IPageStateTracker pages = PageStateTrackers.Create(new PageStateOptions
        {
            Platform = shape.Platform,
            Frames = Page.FrameOf(layout.EndAddress),
            Asid = KeyId,
            Warn = log.Warn,
            Observer = shared,
            Faults = new ArmedConversionFaults(faults),
            // The series ported by hand asks for the claim when it allocates; its conversions count whatever the claim is by then.
            Claim = shape.Kernel == KernelVersion.V612Seed ? new PlatformClaim() : environment.Claim,
            Hypervisor = new FaultyHypervisor(vmm, faults),
        });
        var frames = new FrameZones(layout.Ranges, shape.Fragmentation.HighZoneFirst);
        Reserve(frames, layout.Firmware);
        Reserve(frames, layout.Cma);
        Reserve(frames, layout.Pool);
        Errno conversion = Errno.None;
        if (layout.Pool.Count != 0)
        {
            // In CoCo guests the pool is turned shared during start-up and cleared when created (S-SWI-10).
            conversion = shape.PoolConversion != Errno.None ? shape.PoolConversion
                : environment.ConvertsPool ? pages.ConvertToShared(layout.Pool)?.Errno ?? Errno.None
                : Errno.None;
            if (environment.ConvertsPool || shape.Platform == Platform.Lab || !PlatformProfile.Of(shape.Platform).Encrypted)
            {
                memory.ShareInPlace(layout.Pool);
            }
        }

        Result<BootAreas> areas = BootAreas.Reserve(shape, layout, frames, memory, faults);
        if (!areas.Ok)
        {
            memory.Dispose();
            return areas.Failure;
        }

        var trace = new TraceBuffer(time, GuestTrace.Capacity);
        var dmaTrace = new GatedDmaTrace(trace, new DmaTextTrace(shape.Kernel, trace.Add));
        SwiotlbPool? pool = SwiotlbBoot.MakeDefault(plan, environment, layout.Pool.Address, conversion, memory, log);
        var dma = new DmaMapper(environment, pool, log, dmaTrace) { Faults = faults, IsRam = address => layout.Contains(address, 1) };
        return new GuestBoot(layout, memory, copies, log, pages, shared, frames, dma, faults)
        {
            Gate = gate,
            Areas = areas.Value,
            Trace = trace,
            Hypervisor = vmm,
        };
    }

    private static void Reserve(FrameZones frames, FrameRange range)
    {
        if (range.Count != 0 && !frames.TryReserve(range))
        {
            throw new InvalidOperationException($"Boot-time areas overlap at frame {range.First}.");
        }
    }
}
