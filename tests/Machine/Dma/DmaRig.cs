using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Dma;

/// <summary>A DMA layer with one pool, one device, and everything it says.</summary>
internal sealed class DmaRig
{
    public const ulong PoolStart = 0x40000000;
    public const ulong FourGiB = 1UL << 32;

    public DmaRig(
        Platform platform,
        KernelVersion kernel,
        string swiotlb = "",
        DmaDeviceOptions? device = null,
        ulong ram = FourGiB / 2,
        uint? slots = null,
        Errno conversion = Errno.None,
        bool dmaDebug = true,
        bool restricted = false)
    {
        Environment = new DmaEnvironment(platform, kernel, ram - 1) { DmaDebug = dmaDebug };
        Plan = SwiotlbSizing.Compute(Environment, 512UL << 20, 1, SwiotlbOptions.Parse(swiotlb, kernel).Value);
        if (slots is { } given && Plan.HasPool)
        {
            Plan = Plan with { Slots = given };
        }

        Log = new KernelLog(TimeProvider.System);
        Pool = SwiotlbBoot.MakeDefault(Plan, Environment, PoolStart, conversion, Memory, Log);
        Mapper = new DmaMapper(Environment, Pool, Log, new DmaTextTrace(kernel, (name, text) => Trace.Add($"{name}: {text}")));
        device ??= new DmaDeviceOptions("0000:01:00.0") { Kind = "drv" };
        if (restricted)
        {
            device = device with
            {
                RestrictedPool = SwiotlbBoot.MakeRestricted("r0", 128, Environment, 0x50000000, Errno.None, Memory, Log).Value,
            };
        }

        Device = Mapper.AddDevice(device).Value;
    }

    public DmaEnvironment Environment { get; }

    public SwiotlbPlan Plan { get; }

    public RecordingBounceMemory Memory { get; } = new();

    public KernelLog Log { get; }

    public SwiotlbPool? Pool { get; }

    public DmaMapper Mapper { get; }

    public DmaDevice Device { get; }

    public List<string> Trace { get; } = [];

    public uint Used => (Device.Pool ?? Pool)?.UsedSlots ?? 0;

    public IEnumerable<string> Warnings => Log.Lines().Where(line => line.IsWarning).Select(line => line.Text);

    /// <summary>The DMA address, or ERROR.</summary>
    public ulong Map(
        ulong phys, ulong size, DmaAttributes attributes = DmaAttributes.None, DmaDirection direction = DmaDirection.Bidirectional)
    {
        Result<ulong> result = Mapper.MapPhys(Device, phys, size, direction, attributes);
        return result.Ok ? result.Value : DmaMapper.Error;
    }
}
