using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Drm;

/// <summary>
/// An open DRM node: one client with its handles.
/// Models: handles from 1, lowest free first; the cache of (dma-buf, handle) that makes a second import the same handle (S-GPU-02); mmap at
/// fake offsets; master and authentication (S-GPU-22). Does not model: events.
/// </summary>
internal sealed class DrmFile : GuestFile
{
    private const int LastWhence = 4;
    private static readonly FileCallCell Waiting = FileCallCell.Reads(Errno.EAGAIN) with { Waits = true };
    private static readonly FileCalls DrmCalls = FileCalls.Believed.With(
        (FileCall.Read, Waiting), (FileCall.Readv, Waiting), (FileCall.Pread, Waiting),
        (FileCall.Pwrite, FileCallCell.Writes(Errno.EINVAL)));

    private readonly GuestDrm _room;
    private readonly SortedDictionary<uint, GemObject> _handles = [];
    private readonly Dictionary<DmaBuf, uint> _handleOf = [];
    private readonly Dictionary<uint, DmaBuf> _bufferOf = [];

    /// <param name="room">The room that closes it.</param>
    /// <param name="node">The node.</param>
    /// <param name="device">The device.</param>
    /// <param name="access">Access mode of the open.</param>
    /// <param name="process">Who opens it; root is authenticated from the start.</param>
    public DrmFile(GuestDrm room, DrmNode node, DrmDevice device, AccessMode access, GuestProcess process)
        : base(node.Inode, access)
    {
        _room = room;
        Node = node;
        Device = device;
        OpenedBy = process;
        Authenticated = process.Uid == 0;
        if (!Render)
        {
            Master = device.Master;
            if (Master is null)
            {
                BecomeMaster();
            }
        }
    }

    /// <inheritdoc/>
    public override string Kind => "DRM client";

    public DrmDevice Device { get; }

    public DrmNode Node { get; }

    /// <summary>Opened as a render node, which allows rendering and PRIME only.</summary>
    public bool Render => Node.Render;

    /// <summary>Who opened it.</summary>
    public GuestProcess OpenedBy { get; }

    /// <summary>The master that it belongs to; null on a render node.</summary>
    public DrmMaster? Master { get; private set; }

    /// <summary>It has been a master.</summary>
    public bool WasMaster { get; private set; }

    /// <summary>It may do what takes an authenticated client.</summary>
    public bool Authenticated { get; set; }

    /// <summary>Its magic number; 0: it never asked for one.</summary>
    public uint Magic { get; set; }

    /// <summary>Asked for atomic mode setting.</summary>
    public bool Atomic { get; set; }

    /// <summary>
    /// It owns the device's display now. A master is made for one client only, so to have been one and to share the device's is to be it.
    /// </summary>
    public bool IsCurrentMaster => WasMaster && Master is not null && Master == Device.Master;

    /// <summary>Fences that the client attached to buffers (vgem); made when first asked for.</summary>
    public VgemFences? Fences { get; set; }

    /// <summary>Open handles, ascending.</summary>
    public IReadOnlyCollection<uint> Handles => _handles.Keys;

    /// <inheritdoc/>
    public override FileKind Type => FileKind.DrmNode;

    /// <inheritdoc/>
    public override InodeAttributes Attributes => Node.Attributes;

    /// <inheritdoc/>
    public override string LinkTarget => Node.Path;

    /// <inheritdoc/>
    public override uint RawDevice => Node.RawDevice;

    /// <summary>What waits for an event waits for ever, for here none comes (S-GPU-26).</summary>
    public override FileCalls Calls => DrmCalls;

    /// <inheritdoc/>
    public override FileSystem FileSystem => FileSystem.Nodes;

    /// <inheritdoc/>
    public override bool MakesFd(uint command) => DrmIoctl.MakesFd(new IoctlCommand(command));

    /// <inheritdoc/>
    public override uint? FdArgumentOf(uint command) => DrmIoctl.FdArgumentOf(new IoctlCommand(command));

    /// <inheritdoc/>
    public override Result<IoctlOutcome> Ioctl(IoctlCall call) => _room.Ioctl(call, this);

    /// <summary>S-GPU-26: it succeeds and moves nothing.</summary>
    public override Result<long> Seek(long offset, int whence) => whence is >= 0 and <= LastWhence ? 0 : Refused(Errno.EINVAL, "lseek");

    /// <summary>A DRM node is ready when it has events, and here it never has.</summary>
    public override PollEvents Poll(PollEvents wanted) => PollEvents.None;

    /// <summary>Makes it the device's master: a new one the first time, its own again later.</summary>
    /// <returns>Null always: it is what SET_MASTER returns.</returns>
    public Failure? BecomeMaster()
    {
        Master = WasMaster ? Master : new DrmMaster();
        WasMaster = true;
        Authenticated = true;
        Device.Master = Master;
        return null;
    }

    /// <summary>The client is gone: its magic, and the device's master if it was it.</summary>
    public void LeaveMaster()
    {
        Master?.Forget(Magic);
        if (IsCurrentMaster)
        {
            Device.Master = null;
        }
    }

    /// <summary>The object behind a handle, or null.</summary>
    public GemObject? Find(uint handle) => _handles.GetValueOrDefault(handle);

    /// <summary>Makes a handle, which takes a reference on the object.</summary>
    public uint Add(GemObject gem)
    {
        uint handle = 1;
        foreach (uint taken in _handles.Keys)
        {
            if (taken != handle)
            {
                break;
            }

            handle++;
        }

        gem.References++;
        gem.Handles++;
        _handles.Add(handle, gem);
        return handle;
    }

    /// <summary>Takes a handle out; its reference on the object passes to the caller. Null: no such handle.</summary>
    public GemObject? Remove(uint handle) => _handles.Remove(handle, out GemObject? gem) ? gem : null;

    /// <summary>The cached handle of a dma-buf, or 0.</summary>
    public uint CachedHandle(DmaBuf buffer) => _handleOf.GetValueOrDefault(buffer);

    /// <summary>The cached dma-buf of a handle, or null.</summary>
    public DmaBuf? CachedBuffer(uint handle) => _bufferOf.GetValueOrDefault(handle);

    /// <summary>Remembers that the dma-buf and the handle are one; the cache holds a reference on the dma-buf (S-GPU-11).</summary>
    public void Cache(DmaBuf buffer, uint handle)
    {
        buffer.References++;
        _handleOf[buffer] = handle;
        _bufferOf[handle] = buffer;
    }

    /// <summary>Forgets what was cached for a handle; the reference passes to the caller.</summary>
    public DmaBuf? Uncache(uint handle)
    {
        if (_bufferOf.Remove(handle, out DmaBuf? buffer))
        {
            _handleOf.Remove(buffer);
        }

        return buffer;
    }

    /// <inheritdoc/>
    public override Result<MapTarget> FindMapTarget(ulong offset, ulong length)
    {
        if (Device.FindByOffset(offset) is not { } gem || length > gem.Size)
        {
            return new Failure(Errno.EINVAL, "mmap", "look up offset",
                $"No object of {Device.Driver.Name} is mapped at offset 0x{offset:x} + {length}.", "offset");
        }

        // Offsets are the device's, the right to use them is the client's that has a handle.
        return !_handles.ContainsValue(gem)
            ? new Failure(Errno.EACCES, "mmap", "check client", "The object at this offset is another client's.", "offset")
            : _room.TakePages(gem, "mmap") is { } failure ? failure
            : new MapTarget(gem, 0);
    }

    /// <inheritdoc/>
    public override void Released() => GuestDrm.Closed(this);
}
