using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Allocation;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Devices;

/// <summary>
/// Simulated devices and what they reach.
/// Models: registration, DMA through the device's view (S-PLAT-10 to 12): a T=0 device reaches every shared page whether it is mapped or
/// not, because no vIOMMU stands in its way (R9 of docs/architecture.md). Does not model: interrupts, MMIO, peer-to-peer.
/// </summary>
public sealed class GuestDevices
{
    private const int NameLimit = 64;
    private const ulong SmallestMask = (1UL << 24) - 1;
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly ProcessTable _processes;
    private readonly DmaAllocator _allocator;
    private readonly Dictionary<string, GuestDevice> _devices = new(StringComparer.Ordinal);

    internal GuestDevices(GuestCore core, ProcessTable processes, DmaAllocator allocator)
    {
        _core = core;
        _gate = core.Gate;
        _processes = processes;
        _allocator = allocator;
        processes.Holders.Add(ProcessRelease.Devices, DropAll);
        AddBuiltIn();
    }

    internal int Count => _devices.Count;

    /// <summary>Who lets go when a device goes.</summary>
    internal Holders<GuestDevice, DeviceRelease> Holders { get; } = new();

    /// <summary>Registers a device of a process.</summary>
    /// <returns>EINVAL for a wrong name or mask, EEXIST for a name in use, ENOSPC at the limit.</returns>
    public Result<GuestDevice> Register(GuestProcess process, DeviceSpec spec)
    {
        using CallScope call = _gate.Enter(process);
        if ((call.Refused ?? Check(spec)) is { } failure)
        {
            return failure;
        }

        if (process.Devices.Count >= _core.Limits.DevicesPerProcess)
        {
            return new Failure(Errno.ENOSPC, "register_device", "check limit",
                $"The process has {_core.Limits.DevicesPerProcess} devices already.");
        }

        Result<DmaDevice> dma = MakeDma(spec);
        if (!dma.Ok)
        {
            return dma.Failure;
        }

        var device = new GuestDevice(dma.Value, spec, process);
        _devices.Add(spec.Name, device);
        process.Devices.Add(device);
        return device;
    }

    /// <summary>Removes a device of the process; its mappings and attachments go first. ENODEV, EPERM for the built-in one.</summary>
    public Failure? Unregister(GuestProcess process, string name)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestDevice> device = FindFor(process, name, "unregister_device");
        if (!device.Ok)
        {
            return device.Failure;
        }

        if (device.Value.Name == DeviceSpec.BuiltInName)
        {
            return new Failure(Errno.EPERM, "unregister_device", "check device", "The built-in device stays.", "device");
        }

        Remove(device.Value);
        return null;
    }

    /// <summary>The device reads memory at a DMA address through its view.</summary>
    /// <returns>EFAULT for a DMA fault (no byte moves), ENODEV, EINVAL beyond 1 MiB.</returns>
    public Failure? DmaRead(GuestProcess process, string name, ulong dmaAddress, Span<byte> target)
    {
        using var plan = new AccessPlan();
        using (_gate.Hold())
        {
            if (Prepare(process, name, dmaAddress, (ulong)target.Length, write: false, "dma_read", plan) is { } failure)
            {
                return failure;
            }
        }

        plan.Read(target);
        _core.Copies.AddDmaRead(target.Length);
        return null;
    }

    /// <summary>The device writes memory at a DMA address through its view.</summary>
    /// <returns>EFAULT for a DMA fault (no byte moves), ENODEV, EINVAL beyond 1 MiB.</returns>
    public Failure? DmaWrite(GuestProcess process, string name, ulong dmaAddress, ReadOnlySpan<byte> source)
    {
        using var plan = new AccessPlan();
        using (_gate.Hold())
        {
            if (Prepare(process, name, dmaAddress, (ulong)source.Length, write: true, "dma_write", plan) is { } failure)
            {
                return failure;
            }
        }

        plan.Write(source);
        if (plan.WritesPrivateFrames)
        {
            // Nothing held the frames: they may have been freed, cleared and given away while the bytes were on their way.
            using Lock.Scope held = _gate.Hold();
            _core.Memory.MarkWritten(_core.Dma.Environment.Encoding.Physical(dmaAddress), (ulong)source.Length);
        }

        _core.Copies.AddDmaWrite(source.Length);
        return null;
    }

    // The device that every process may use.
    private void AddBuiltIn()
    {
        var spec = new DeviceSpec { Name = DeviceSpec.BuiltInName, Kind = "built-in", Mediated = true };
        var device = new GuestDevice(MakeDma(spec).Value, spec, _processes.Init);
        _devices.Add(spec.Name, device);
        _processes.Init.Devices.Add(device);
    }

    /// <summary>A device that the kernel's own drivers attach with: no process may use it by name. 64-bit mask.</summary>
    internal GuestDevice MakeInternal(string name)
    {
        var spec = new DeviceSpec { Name = name, Kind = name, Mediated = true };
        return new GuestDevice(MakeDma(spec).Value, spec, _processes.Init);
    }

    /// <summary>A device that the process may use: its own, or the built-in one; empty name: the built-in one. Else ENODEV.</summary>
    internal Result<GuestDevice> FindFor(GuestProcess process, string name, string operation)
    {
        string wanted = name.Length == 0 ? DeviceSpec.BuiltInName : name;
        return _devices.TryGetValue(wanted, out GuestDevice? device)
            && (ReferenceEquals(device.Owner, process) || wanted == DeviceSpec.BuiltInName)
            ? device
            : new Failure(Errno.ENODEV, operation, "look up device",
                $"This process has no device '{(wanted.Length <= NameLimit ? wanted : wanted[..NameLimit] + "…")}'.", "device");
    }

    /// <summary>A dying process' devices go, newest first.</summary>
    internal void DropAll(GuestProcess process)
    {
        while (process.Devices.Count > 0)
        {
            Remove(process.Devices[^1]);
        }
    }

    private void Remove(GuestDevice device)
    {
        Holders.LetGo(device);
        device.Owner.Devices.Remove(device);
        _devices.Remove(device.Name);
        if (device.Dma.Options.RestrictedPool is { } pool)
        {
            _allocator.GiveRestrictedPool(pool);
        }
    }

    private Failure? Check(DeviceSpec spec)
    {
        if (spec.Name.Length is 0 or > NameLimit || spec.Name.Any(c => c is <= ' ' or > '~'))
        {
            return Wrong(Errno.EINVAL, "name", "A device name is 1 to 64 printable ASCII characters without blanks.");
        }

        if (spec.Kind.Length > NameLimit)
        {
            return Wrong(Errno.EINVAL, "kind", $"kind has {spec.Kind.Length} characters; at most {NameLimit}.");
        }

        if (spec.DmaMask < SmallestMask)
        {
            return Wrong(Errno.EIO, "dma_mask", $"dma_mask 0x{spec.DmaMask:x} does not reach the end of the DMA zone (24 bits, S-DMA-59).");
        }

        if (spec.MinAlignMask >= Page.Size || ((spec.MinAlignMask + 1) & spec.MinAlignMask) != 0)
        {
            return Wrong(Errno.EINVAL, "min_align_mask", $"min_align_mask 0x{spec.MinAlignMask:x} is not 2^n - 1 below a page.");
        }

        if (spec.RestrictedPoolBytes % SwiotlbPool.SegmentBytes != 0 || spec.RestrictedPoolBytes > Page.Size << BuddyAllocator.MaxOrder)
        {
            return Wrong(Errno.EINVAL, "restricted_pool_bytes",
                $"{spec.RestrictedPoolBytes} bytes are not whole segments of 256 KiB up to 4 MiB.");
        }

        return _devices.ContainsKey(spec.Name)
            ? Wrong(Errno.EEXIST, "name", $"There is a device '{spec.Name}' already.")
            : null;
    }

    private Failure? Prepare(
        GuestProcess process, string name, ulong dmaAddress, ulong length, bool write, string operation, AccessPlan plan)
    {
        if ((_gate.Begin(process) ?? GuestLimits.CheckAccessLength(operation, length)) is { } refused)
        {
            return refused;
        }

        Result<GuestDevice> device = FindFor(process, name, operation);
        if (!device.Ok)
        {
            return device.Failure;
        }

        ulong last = dmaAddress + (length == 0 ? 0 : length - 1);
        ulong phys = _core.Dma.Environment.Encoding.Physical(dmaAddress);
        AddressEncoding encoding = _core.Dma.Environment.Encoding;
        bool trusted = device.Value.Spec.Trusted;
        bool keyed = (dmaAddress & encoding.PrivateBits) != 0;
        bool rightHalf = encoding.Unencrypted(dmaAddress) == dmaAddress;
        bool reachable = last >= dmaAddress && last <= device.Value.Spec.DmaMask
            && _core.Memory.Layout.Contains(phys, length)
            && (trusted || (rightHalf && (!keyed || _core.Dma.Environment.HostMemEncrypt)));
        if (!reachable)
        {
            // S-PLAT-10: an ordinary device cannot put the C-bit to use, but for an SME host's.
            // S-PLAT-13: it reaches the unprotected half only.
            return new Failure(Errno.EFAULT, operation, "DMA fault",
                $"Device {device.Value.Name} cannot reach DMA address 0x{dmaAddress:x} + {length}.", "dma_address");
        }

        ViewAccessor accessor = trusted ? ViewAccessor.DeviceT1 : keyed ? ViewAccessor.DeviceT0WithCBit : ViewAccessor.DeviceT0;
        return _core.Access.Plan(plan, accessor, phys, length, write, operation) is { } fault ? fault with { Field = "dma_address" } : null;
    }

    private Result<DmaDevice> MakeDma(DeviceSpec spec) => _core.Dma.AddDevice(new DmaDeviceOptions(spec.Name)
    {
        Kind = spec.Kind.Length == 0 ? "device" : spec.Kind,
        DmaMask = spec.DmaMask,
        CoherentDmaMask = spec.DmaMask,
        Trusted = spec.Trusted,
        MinAlignMask = spec.MinAlignMask,
        RestrictedPool = RestrictedPoolOf(spec),
    });

    // A pool that cannot be had or turned shared leaves the device with the default pool (S-SWI-72).
    private SwiotlbPool? RestrictedPoolOf(DeviceSpec spec) =>
        spec.RestrictedPoolBytes != 0 && _allocator.TakeRestrictedPool(spec.Name, spec.RestrictedPoolBytes) is { Ok: true } pool
            ? pool.Value
            : null;

    private static Failure Wrong(Errno errno, string field, string sentence) =>
        new(errno, "register_device", $"check {field}", sentence, field);
}
