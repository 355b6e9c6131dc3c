using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Drm;

/// <content>The fences of the vgem-like device.</content>
public sealed partial class GuestDrm
{
    /// <summary>VGEM_FENCE_ATTACH: puts a fence of the client into an object's reservation.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">fd of the node.</param>
    /// <param name="handle">The object.</param>
    /// <param name="flags">1: a write fence, else a read fence.</param>
    /// <returns>
    /// The fence's number. EINVAL for unknown flags or a driver without fences; ENOENT for a handle that nothing has; EBUSY.
    /// </returns>
    public Result<uint> AttachFence(GuestProcess process, int fd, uint handle, uint flags)
    {
        const string Operation = "VGEM_FENCE_ATTACH";
        using Lock.Scope held = _gate.Hold();
        Result<VgemFences> fences = FencesOf(process, fd, Operation, out DrmFile? file);
        return !fences.Ok ? fences.Failure
            : VgemFences.CheckFlags(flags) is { } wrong ? wrong
            : file!.Find(handle) is not { } gem ? NoHandle(Operation, handle, Errno.ENOENT)
            : fences.Value.Attach(gem.Fences, flags);
    }

    /// <summary>VGEM_FENCE_SIGNAL.</summary>
    /// <returns>EINVAL for a driver without fences; ENOENT for a number that is not in use; ETIMEDOUT for a fence that expired.</returns>
    public Failure? SignalFence(GuestProcess process, int fd, uint fence)
    {
        using Lock.Scope held = _gate.Hold();
        Result<VgemFences> fences = FencesOf(process, fd, "VGEM_FENCE_SIGNAL", out _);
        return fences.Ok ? fences.Value.Signal(fence) : fences.Failure;
    }

    private Result<VgemFences> FencesOf(GuestProcess process, int fd, string operation, out DrmFile? file)
    {
        _fences.Deadlines.RunDue();
        Result<DrmFile> found = Find(process, fd, operation);
        file = found.Ok ? found.Value : null;
        return !found.Ok ? found.Failure
            : found.Value.Device.Driver.HasFences ? found.Value.Fences ??= _fences.NewVgemFile()
            : new Failure(Errno.EINVAL, operation, "look up ioctl", $"Driver {found.Value.Device.Driver.Name} has no fences.", "fd");
    }
}
