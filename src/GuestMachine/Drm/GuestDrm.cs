using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Drm;

/// <summary>
/// DRM nodes of a guest: dumb buffers, mapping them, PRIME import and export.
/// Models: the vgem-like and the vkms-like device, with the rules of PRIME (S-GPU-01 to 06, 08, 11, 12). Does not model: mode setting,
/// command submission, sync objects.
/// </summary>
public sealed partial class GuestDrm
{
    private const uint CloseOnExecBit = 0x80000;
    private const uint ReadWriteBit = 2;
    private const uint BitsPerByte = 8;
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly GuestFiles _files;
    private readonly GuestDevices _dmaDevices;
    private readonly GuestFences _fences;
    private readonly GuestBuffers _buffers;
    private readonly GuestImporters _importers;
    private readonly GemExporter _exporter;
    private readonly Dictionary<string, DrmDevice> _devices = new(StringComparer.Ordinal);

    internal GuestDrm(
        GuestCore core, GuestFiles files, GuestDevices dmaDevices, GuestFences fences, GuestBuffers buffers, GuestImporters importers)
    {
        _core = core;
        _gate = core.Gate;
        _files = files;
        _dmaDevices = dmaDevices;
        _fences = fences;
        _buffers = buffers;
        _importers = importers;
        _exporter = new GemExporter(core.Kernel);
    }

    /// <summary>Devices that somebody has opened.</summary>
    internal IReadOnlyCollection<DrmDevice> Devices => _devices.Values;

    /// <summary>Opens a node: a new client without handles.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="driver">Driver name: <c>vgem</c> or <c>vkms</c>.</param>
    /// <param name="render">The render node instead of the primary node.</param>
    /// <returns>A fd; EMFILE, ENOENT for a node that does not exist.</returns>
    public Result<int> Open(GuestProcess process, string driver, bool render = false)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (GuestFiles.Reserve(process, "open") is { } full)
        {
            return full;
        }

        if (DrmDriver.All.FirstOrDefault(d => d.Name == driver) is not { } known || (render && !known.HasRenderNode))
        {
            return new Failure(Errno.ENOENT, "open", "look up /dev/dri", $"There is no {(render ? "render" : "primary")} node of a driver "
                + $"'{(driver.Length <= 64 ? driver : driver[..64] + "…")}'; "
                + $"there are {string.Join(", ", DrmDriver.All.Select(d => d.Name))}.",
                "driver");
        }

        return GuestFiles.InstallReserved(process, NewFile(process, NodeOf(known, render)!, AccessMode.ReadWrite), closeOnExec: true);
    }

    /// <summary>The nodes of all devices, in the order of their folder: cards, then render nodes.</summary>
    internal IReadOnlyList<DrmNode> Nodes { get; } = DrmNode.Of(DrmDriver.All);

    /// <summary>A new client of a node; nobody has an fd on it yet.</summary>
    internal DrmFile NewFile(GuestProcess process, DrmNode node, AccessMode access) =>
        new(this, node, DeviceOf(node.Driver), access, process);

    private DrmNode? NodeOf(DrmDriver driver, bool render) => Nodes.FirstOrDefault(n => n.Driver == driver && n.Render == render);

    /// <summary>GET_CAP. A number that the driver does not know: EOPNOTSUPP without mode setting, else EINVAL.</summary>
    public Result<ulong> GetCap(GuestProcess process, int fd, ulong capability)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DrmFile> file = Find(process, fd, "DRM_IOCTL_GET_CAP");
        return !file.Ok ? file.Failure
            : file.Value.Device.Driver.Caps.TryGetValue(capability, out ulong value) ? value
            : new Failure(file.Value.Device.Driver.UnknownCap, "DRM_IOCTL_GET_CAP", "look up capability",
                $"{file.Value.Device.Driver.Name} has no capability {capability}.", "capability");
    }

    /// <summary>CREATE_DUMB: an object for a picture.</summary>
    /// <returns>EINVAL for a 0 or a size beyond 32 bits, EACCES on a render node.</returns>
    public Result<DumbBuffer> CreateDumb(GuestProcess process, int fd, uint width, uint height, uint bitsPerPixel)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DrmFile> file = Find(process, fd, "DRM_IOCTL_MODE_CREATE_DUMB");
        if (!file.Ok)
        {
            return file.Failure;
        }

        if (file.Value.Render)
        {
            return new Failure(Errno.EACCES, "DRM_IOCTL_MODE_CREATE_DUMB", "check node",
                "Dumb buffers are made on primary nodes only.", "fd");
        }

        // Whole bytes per pixel decide whether it is too large, bits how long a row is.
        ulong widest = width * (((ulong)bitsPerPixel + BitsPerByte - 1) / BitsPerByte);
        ulong pitch = (((ulong)width * bitsPerPixel) + BitsPerByte - 1) / BitsPerByte;
        ulong bytes = pitch * height;
        if (widest > uint.MaxValue || widest * height is 0 or > uint.MaxValue)
        {
            return new Failure(Errno.EINVAL, "DRM_IOCTL_MODE_CREATE_DUMB", "check size", string.Create(CultureInfo.InvariantCulture,
                $"{width} x {height} with {bitsPerPixel} bits per pixel is no size from 1 byte to 4 GiB."),
                width == 0 ? "width" : height == 0 ? "height" : bitsPerPixel == 0 ? "bpp" : "height");
        }

        if (_core.FaultPoints.Fails(Diagnostics.FaultPoint.Failslab))
        {
            return new Failure(Errno.ENOMEM, "DRM_IOCTL_MODE_CREATE_DUMB", "allocate object", "No memory for the object.");
        }

        var gem = new GemObject(this, file.Value.Device, _files.NextInode(), Page.AlignUp(bytes));
        return new DumbBuffer(file.Value.Add(gem), (uint)pitch, gem.Size);
    }

    /// <summary>MAP_DUMB: the offset at which the node is mapped to show the object.</summary>
    /// <returns>ENOENT for an unknown handle, EINVAL for an imported object (S-GPU-11).</returns>
    public Result<ulong> MapDumb(GuestProcess process, int fd, uint handle)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DrmFile> file = Find(process, fd, "DRM_IOCTL_MODE_MAP_DUMB");
        return !file.Ok ? file.Failure
            : file.Value.Find(handle) is not { } gem ? NoHandle("DRM_IOCTL_MODE_MAP_DUMB", handle, Errno.ENOENT)
            : gem.Import is not null
                ? new Failure(Errno.EINVAL, "DRM_IOCTL_MODE_MAP_DUMB", "check object",
                    "An imported object is mapped through its dma-buf (S-GPU-11).", "handle")
            : file.Value.Device.OffsetOf(gem);
    }

    /// <summary>
    /// GEM_CLOSE: the handle goes; the object with its last reference, unmapped and detached if it was imported (S-GPU-06, 08).
    /// </summary>
    /// <returns>EINVAL for an unknown handle.</returns>
    public Failure? GemClose(GuestProcess process, int fd, uint handle)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DrmFile> file = Find(process, fd, "DRM_IOCTL_GEM_CLOSE");
        return !file.Ok ? file.Failure
            : CloseHandle(file.Value, handle) ? null
            : NoHandle("DRM_IOCTL_GEM_CLOSE", handle, Errno.EINVAL);
    }

    /// <summary>The node's client behind a fd: EBADF, ENOTTY for another kind of file.</summary>
    internal Result<DrmFile> Find(GuestProcess process, int fd, string operation) =>
        _files.Find<DrmFile>(process, fd, operation, Errno.ENOTTY);

    /// <summary>Gives an object of its own its pages, if it has none yet: ENOMEM.</summary>
    internal Failure? TakePages(GemObject gem, string operation)
    {
        if (gem.Chunks.Length != 0)
        {
            return null;
        }

        Result<Chunk[]> pages = _core.SinglePages.TakeAll(gem.Size >> Page.Shift, operation);
        if (!pages.Ok)
        {
            return pages.Failure;
        }

        gem.SetPages(pages.Value);
        return null;
    }

    /// <summary>The last fd on a node is closed: all its handles go.</summary>
    internal static void Closed(DrmFile file)
    {
        file.LeaveMaster();
        foreach (uint handle in file.Handles.ToArray())
        {
            CloseHandle(file, handle);
        }

        file.Fences?.Close();
    }

    /// <summary>The last reference on an object is gone (S-GPU-06): unmap, detach, drop the dma-buf; or the pages go back.</summary>
    internal void Destroyed(GemObject gem)
    {
        gem.Device.Forget(gem);
        if (gem.Import is { } attachment)
        {
            _importers.DetachFrom(attachment);
            GuestFiles.Put(attachment.Buffer);
            return;
        }

        gem.TakeBack(_core.Memory);
        _core.SinglePages.Free(gem.Chunks);
    }

    private static bool CloseHandle(DrmFile file, uint handle)
    {
        if (file.Remove(handle) is not { } gem)
        {
            return false;
        }

        if (file.Uncache(handle) is { } cached)
        {
            GuestFiles.Put(cached);
        }

        if (--gem.Handles == 0)
        {
            gem.Device.ForgetName(gem);
            if (gem.DmaBuf is { } exported)
            {
                gem.DmaBuf = null;
                GuestFiles.Put(exported);
            }
        }

        GuestFiles.Put(gem);
        return true;
    }

    private DrmDevice DeviceOf(DrmDriver driver)
    {
        if (!_devices.TryGetValue(driver.Name, out DrmDevice? device))
        {
            device = new DrmDevice(driver, _dmaDevices.MakeInternal(driver.Name), _exporter);
            _devices.Add(driver.Name, device);
        }

        return device;
    }

    private static Failure NoHandle(string operation, uint handle, Errno errno) =>
        new(errno, operation, "look up handle", $"This client has no handle {handle}.", "handle");

    /// <summary>An ioctl on a node.</summary>
    internal Result<IoctlOutcome> Ioctl(IoctlCall call, DrmFile file) =>
        new DrmIoctl(_core, this, call, file).Run(new IoctlCommand(call.Command), call.Argument);
}
