using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Fences;

/// <summary>
/// The fences that one open vgem file has attached to buffers, by number.
/// Models: attach (each fence a context of its own; EBUSY while a conflicting fence is pending), signal, the expiry after 10 s of guest
/// time that keeps drivers from hanging, the close of the file: what is left signals without an error, in the order of the numbers. Numbers
/// are never used again. Recorded in the family vgem. Does not model: GEM handles, which the caller resolves.
/// </summary>
internal sealed class VgemFences(GuestFences room, DeadlineQueue deadlines)
{
    /// <summary>Guest time after which a fence signals by itself.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(10);

    private const uint WriteFlag = 1;
    private readonly SortedDictionary<uint, Fence> _fences = [];
    private uint _last;

    /// <summary>Fences that nobody has signalled by their number; some may have expired.</summary>
    public IReadOnlyCollection<Fence> Attached => _fences.Values;

    /// <summary>EINVAL for flags other than WRITE.</summary>
    public static Failure? CheckFlags(uint flags) => (flags & ~WriteFlag) == 0
        ? null
        : new Failure(Errno.EINVAL, "VGEM_FENCE_ATTACH", "check flags", $"flags 0x{flags:x} have bits outside WRITE.", "flags");

    /// <summary>DRM_IOCTL_VGEM_FENCE_ATTACH.</summary>
    /// <returns>EINVAL for unknown flags; EBUSY when the fence would have to wait for another (S-RESV-02).</returns>
    public Result<uint> Attach(Reservation fences, uint flags)
    {
        if (CheckFlags(flags) is { } wrong)
        {
            return wrong;
        }

        bool write = flags == WriteFlag;
        if (!fences.TestSignalled(Reservation.UsageFor(write)))
        {
            return new Failure(Errno.EBUSY, "VGEM_FENCE_ATTACH", "test fences",
                "A conflicting fence of the buffer has not signalled.", "flags");
        }

        var fence = new Fence(room.NextContext(), 1, "vgem", "unbound");
        deadlines.Add(Life, () => fence.Signal(deadlines.Now));
        fences.Reserve(1);
        fences.Add(fence, write ? FenceUsage.Write : FenceUsage.Read);
        _fences.Add(++_last, fence);
        return _last;
    }

    /// <summary>DRM_IOCTL_VGEM_FENCE_SIGNAL.</summary>
    /// <returns>ENOENT for a number that never was or was signalled by this call before; ETIMEDOUT when the fence had expired.</returns>
    public Failure? Signal(uint number)
    {
        if (!_fences.Remove(number, out Fence? fence))
        {
            return new Failure(Errno.ENOENT, "VGEM_FENCE_SIGNAL", "look up fence", $"There is no fence {number} in this file.", "fence");
        }

        return fence.Signal(deadlines.Now)
            ? null
            : new Failure(Errno.ETIMEDOUT, "VGEM_FENCE_SIGNAL", "signal",
                $"Fence {number} had expired after {Life.TotalSeconds} s of guest time.", "fence");
    }

    /// <summary>The file is closed, by its owner or by the owner's death.</summary>
    public void Close()
    {
        foreach (Fence fence in _fences.Values)
        {
            fence.Signal(deadlines.Now);
        }

        _fences.Clear();
    }
}
