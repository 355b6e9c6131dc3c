using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Rdma;

/// <summary>
/// RDMA memory registration: protection domains and memory regions over pinned user memory or over dma-bufs.
/// Models: the checks and their order (S-RDMA-01 to 06, 10, 16, S-PIN-20 to 24, 30 to 32, 35), pins, DMA mappings, keys.
/// Does not model: queue pairs, work requests, on-demand paging, uverbs' attribute encoding.
/// </summary>
public sealed partial class GuestRdma
{
    private const RdmaAccess Known = (RdmaAccess)1023 | RdmaAccess.RelaxedOrdering;
    private const RdmaAccess ForDmaBuf = RdmaAccess.LocalWrite | RdmaAccess.RemoteWrite | RdmaAccess.RemoteRead | RdmaAccess.RemoteAtomic
        | RdmaAccess.RelaxedOrdering;

    private const RdmaAccess Writes = RdmaAccess.LocalWrite | RdmaAccess.RemoteWrite | RdmaAccess.RemoteAtomic | RdmaAccess.WindowBind;
    private const int VariantBits = 8;
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly GuestPins _pins;
    private readonly GuestDevices _dmaDevices;
    private readonly GuestBuffers _buffers;
    private readonly GuestImporters _importers;
    private readonly Dictionary<string, RdmaDevice> _devices = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GuestProcess> _contained = new(StringComparer.Ordinal);
    private readonly Dictionary<uint, Domain> _domains = [];
    private readonly Dictionary<uint, Region> _regions = [];
    private uint _lastPd;
    private uint _lastIndex;

    internal GuestRdma(
        GuestCore core, ProcessTable processes, GuestPins pins, GuestDevices devices, GuestBuffers buffers, GuestImporters importers)
    {
        _core = core;
        _gate = core.Gate;
        _pins = pins;
        _dmaDevices = devices;
        _buffers = buffers;
        _importers = importers;
        processes.Holders.Add(ProcessRelease.Regions, DropAll);
    }

    /// <summary>What each memory region holds, by key.</summary>
    internal IEnumerable<RegionHolding> Holdings =>
        _regions.OrderBy(r => r.Key).Select(r => new RegionHolding(r.Value.Owner, r.Value.Shown, r.Value.Pin, r.Value.PinnedBytes,
            r.Value.Attachment, r.Value.Mapped));

    /// <summary>Makes an RDMA device known.</summary>
    /// <param name="process">The caller, which owns <paramref name="dmaDevice"/>.</param>
    /// <param name="name">Its name: EEXIST when there is one.</param>
    /// <param name="dmaDevice">Its DMA device (ENODEV when the process has none of this name); null: a software device such as rxe.</param>
    public Result<RdmaDevice> AddDevice(GuestProcess process, string name, string? dmaDevice)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (name.Length is 0 or > 64 || _devices.ContainsKey(name))
        {
            return name.Length is 0 or > 64
                ? Wrong(Errno.EINVAL, "rdma_link_add", "name", "The name has to have 1 to 64 characters.")
                : Wrong(Errno.EEXIST, "rdma_link_add", "name", $"There is an RDMA device '{name}' already.");
        }

        if (_devices.Count >= _core.Limits.RdmaDevices)
        {
            return Wrong(Errno.ENOSPC, "rdma_link_add", "name", $"The guest has {_core.Limits.RdmaDevices} RDMA devices already.");
        }

        if (process.Contained && _contained.Count >= _core.Limits.RdmaDevices / GuestLimits.ContainedPart)
        {
            return Wrong(Errno.ENOSPC, "rdma_link_add", "name", $"Strangers have {_contained.Count} RDMA devices of the guest already.");
        }

        if (dmaDevice is not null && _dmaDevices.FindFor(process, dmaDevice, "rdma_link_add") is { Ok: false } missing)
        {
            return missing.Failure!;
        }

        bool bounce = dmaDevice is not null && _core.Dma.Environment.GuestMemEncrypt
            && _core.Kernel.Version is KernelVersion.V72 or KernelVersion.V73;
        var device = new RdmaDevice(name, dmaDevice, bounce);
        _devices.Add(name, device);
        if (process.Contained)
        {
            _contained.Add(name, process);
        }

        return device;
    }

    /// <summary>ibv_alloc_pd on a device: ENODEV for one that does not exist.</summary>
    public Result<uint> AllocPd(GuestProcess process, string device)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (!_devices.TryGetValue(device, out RdmaDevice? found))
        {
            return Wrong(Errno.ENODEV, "alloc_pd", "device", $"There is no RDMA device '{device}'.");
        }

        if (_domains.Count >= _core.Limits.RdmaObjects)
        {
            return Full("alloc_pd", _core.Limits.RdmaObjects);
        }

        _domains.Add(++_lastPd, new Domain(found, process));
        return _lastPd;
    }

    /// <summary>ibv_dealloc_pd: EINVAL for another process' domain, EBUSY while regions are in it (S-RDMA-06).</summary>
    public Failure? DeallocPd(GuestProcess process, uint pd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<Domain> domain = FindPd(process, pd, "dealloc_pd");
        if (!domain.Ok)
        {
            return domain.Failure;
        }

        if (_regions.Values.Any(r => r.Shown.Pd == pd))
        {
            return Wrong(Errno.EBUSY, "dealloc_pd", "pd", $"Protection domain {pd} has memory regions (S-RDMA-06).");
        }

        _domains.Remove(pd);
        return null;
    }

    /// <summary>REG_MR of user memory: pins it and maps it for the device (S-RDMA-05, S-PIN-20 to 22).</summary>
    public Result<MemoryRegion> RegisterMr(GuestProcess process, uint pd, ulong address, ulong length, ulong iova, RdmaAccess access)
    {
        const string Operation = "ib_umem_get";
        using Lock.Scope held = _gate.Hold();
        Result<Domain> domain = FindPd(process, pd, "reg_mr");
        if (!domain.Ok)
        {
            return domain.Failure;
        }

        if ((CheckOffsets(address, iova, "reg_mr") ?? CheckAccess(access, "reg_mr") ?? CheckRoom("reg_mr")) is { } wrong)
        {
            return wrong;
        }

        if (CheckUserMemory(process, domain.Value.Device, address, length) is { } refused)
        {
            return refused;
        }

        Result<UserPin> pin = _pins.PinRange(process, address, length, (access & Writes) != 0);
        if (!pin.Ok)
        {
            return pin.Failure;
        }

        if ((ulong)pin.Value.Pages.Count < pin.Value.Wanted)
        {
            // Asked again from the failing address the pin gives EFAULT (S-PIN-03); all pins go (S-PIN-24).
            _pins.Drop(pin.Value.Id);
            return Wrong(Errno.EFAULT, Operation, "address", "Not all of the range can be pinned (S-PIN-03).");
        }

        var region = new Region(process) { Pin = pin.Value.Id, PinnedBytes = pin.Value.Wanted << Page.Shift };
        if (MapPinned(process, domain.Value.Device, region) is { } unmapped)
        {
            _pins.Drop(pin.Value.Id);
            return unmapped;
        }

        process.PinnedBytes += region.PinnedBytes;
        return Keep(region, pd, iova, length, region.Mapped ?? [.. _pins.Table(pin.Value.Id)]);
    }

    /// <summary>
    /// REG_DMABUF_MR: attaches dynamically and maps BIDIRECTIONAL (S-RDMA-01, S-PIN-30, 31). Counts against no limit (S-PIN-35).
    /// </summary>
    public Result<MemoryRegion> RegisterDmaBufMr(
        GuestProcess process, uint pd, int fd, ulong offset, ulong length, ulong iova, RdmaAccess access)
    {
        const string Operation = "reg_dmabuf_mr";
        using Lock.Scope held = _gate.Hold();
        Result<Domain> domain = FindPd(process, pd, Operation);
        if (!domain.Ok)
        {
            return domain.Failure;
        }

        if (!domain.Value.Device.HasDmaBufRegions)
        {
            return Wrong(Errno.EOPNOTSUPP, Operation, "pd", $"{domain.Value.Device.Name} has no dma-buf memory regions (S-RDMA-10).");
        }

        if ((CheckOffsets(offset, iova, Operation) ?? CheckDmaBufAccess(access) ?? CheckRoom(Operation)) is { } wrong)
        {
            return wrong;
        }

        if (offset + length < offset)
        {
            return Wrong(Errno.EINVAL, Operation, "length", $"offset {offset} plus length {length} wraps (S-PIN-30).");
        }

        Result<DmaBuf> buffer = _buffers.Find(process, fd, Operation);
        if (!buffer.Ok)
        {
            return buffer.Failure;
        }

        if (buffer.Value.Size < offset + length || length == 0)
        {
            return Wrong(Errno.EINVAL, Operation, "length", $"{length} bytes at {offset} are none or end behind the buffer (S-PIN-30).");
        }

        return AttachAndMap(process, domain.Value.Device, fd, pd, offset, length, iova);
    }

    /// <summary>DEREG_MR: ENOENT for a key that is not this process'.</summary>
    public Failure? DeregisterMr(GuestProcess process, uint key)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (!_regions.TryGetValue(key >> VariantBits, out Region? region)
            || !ReferenceEquals(region.Owner, process) || region.Shown.Key != key)
        {
            return Wrong(Errno.ENOENT, "dereg_mr", "key", $"This process has no memory region with key 0x{key:x}.");
        }

        Drop(region);
        return null;
    }

    /// <summary>The end of a process: its regions, newest first, then its domains.</summary>
    internal void DropAll(GuestProcess process)
    {
        foreach (Region region in _regions.Values.Where(r => ReferenceEquals(r.Owner, process))
            .OrderByDescending(r => r.Shown.Key).ToArray())
        {
            Drop(region);
        }

        foreach (uint pd in _domains.Where(d => ReferenceEquals(d.Value.Owner, process)).Select(d => d.Key).ToArray())
        {
            _domains.Remove(pd);
        }

        // Others stay for the guest's life, as an HCA does.
        string[] ending = process.Contained ? [.. _contained.Where(d => ReferenceEquals(d.Value, process)).Select(d => d.Key)] : [];
        foreach (string name in ending)
        {
            _contained.Remove(name);
            _devices.Remove(name);
        }
    }

    private Result<MemoryRegion> AttachAndMap(
        GuestProcess process, RdmaDevice device, int fd, uint pd, ulong offset, ulong length, ulong iova)
    {
        Result<ImportedBuffer> attached = _importers.Attach(process, fd, device.DmaDevice!, ImporterOps.WithInvalidate);
        if (!attached.Ok)
        {
            return attached.Failure;
        }

        Result<DmaMapping> mapping = _importers.Map(process, attached.Value.Attachment, DmaDirection.Bidirectional, 0);
        if (!mapping.Ok)
        {
            _ = _importers.Detach(process, attached.Value.Attachment);
            return mapping.Failure;
        }

        var region = new Region(process) { Attachment = attached.Value.Attachment };
        return Keep(region, pd, iova, length, Cut(mapping.Value, offset & ~Page.OffsetMask, Page.AlignUp(offset + length)));
    }

    // S-PIN-31: the entries that cover the pages of the range, the first and the last of them shortened.
    private static List<SgEntry> Cut(DmaMapping mapping, ulong start, ulong end)
    {
        var entries = new List<SgEntry>();
        ulong at = 0;
        for (int i = 0; i < mapping.Count; at += mapping.LengthOf(i), i++)
        {
            ulong from = Math.Max(start, at);
            ulong to = Math.Min(end, at + mapping.LengthOf(i));
            if (from < to)
            {
                entries.Add(new SgEntry(mapping.AddressOf(i) + (from - at), to - from));
            }
        }

        return entries;
    }

    // A software device uses the pages themselves. S-PIN-22: from P2 on the memory must be reached coherently, hence not by bouncing.
    private Failure? MapPinned(GuestProcess process, RdmaDevice device, Region region)
    {
        if (device.DmaDevice is null)
        {
            return null;
        }

        Result<GuestDevice> found = _dmaDevices.FindFor(process, device.DmaDevice, "ib_umem_get");
        if (!found.Ok)
        {
            return found.Failure;
        }

        SgEntry[] pages = _pins.Table(region.Pin!.Value);
        ulong[] addresses = new ulong[pages.Length];
        DmaAttributes attributes = _core.Dma.Environment.Rules.KnowsRequireCoherent ? DmaAttributes.RequireCoherent : DmaAttributes.None;
        Result<int> mapped = _core.Dma.MapSg(found.Value.Dma, pages, addresses, DmaDirection.Bidirectional, attributes);
        if (!mapped.Ok)
        {
            return mapped.Failure;
        }

        region.Unmap = () => _core.Dma.UnmapSg(found.Value.Dma, pages, addresses, DmaDirection.Bidirectional, attributes);
        region.Mapped = [.. pages.Select((page, i) => new SgEntry(addresses[i], page.Length))];
        return null;
    }

    private MemoryRegion Keep(Region region, uint pd, ulong iova, ulong length, IReadOnlyList<SgEntry> entries)
    {
        uint index = ++_lastIndex;
        region.Shown = new MemoryRegion(index << VariantBits, pd, iova, length, entries);
        _regions.Add(index, region);
        return region.Shown;
    }

    private void Drop(Region region)
    {
        _regions.Remove(region.Shown.Key >> VariantBits);
        region.Unmap?.Invoke();
        if (region.Pin is { } pin)
        {
            _pins.Drop(pin);
            region.Owner.PinnedBytes -= region.PinnedBytes;
        }

        if (region.Attachment is { } attachment)
        {
            _importers.LetGo(region.Owner, attachment);
        }
    }

    private sealed record Domain(RdmaDevice Device, GuestProcess Owner);

    private sealed class Region(GuestProcess owner)
    {
        public GuestProcess Owner { get; } = owner;

        public MemoryRegion Shown { get; set; } = null!;

        public ulong? Pin { get; init; }

        public ulong PinnedBytes { get; init; }

        public ulong? Attachment { get; init; }

        public IReadOnlyList<SgEntry>? Mapped { get; set; }

        public Action? Unmap { get; set; }
    }
}
