using CocoGuest.Machine.Memory;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Trackers;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine;

/// <summary>
/// The VMM and the host kernel of a guest: how they answer conversions, and what they do to its pages unasked.
/// Models: obeying, refusing, half-doing, asking for retry, taking time, lying; RMPUPDATE, SEPT removal, destroyed granules and remapping
/// behind the guest's back. Does not model: scheduling, memory pressure, migration.
/// </summary>
public sealed class GuestHypervisor
{
    private readonly Guest _guest;
    private readonly PolicyHypervisor _vmm;
    private readonly WatchedTracker _pages;

    internal GuestHypervisor(Guest guest, PolicyHypervisor vmm, WatchedTracker pages)
    {
        _guest = guest;
        _vmm = vmm;
        _pages = pages;
    }

    /// <summary>The policy in force.</summary>
    public HypervisorPolicy Policy
    {
        get
        {
            lock (_guest.Gate)
            {
                return _vmm.Policy;
            }
        }
    }

    /// <summary>Sets the policy; its exits count from now on.</summary>
    /// <returns>EINVAL naming the field at fault; EOWNERDEAD when the guest is gone.</returns>
    public Failure? SetPolicy(HypervisorPolicy policy)
    {
        lock (_guest.Gate)
        {
            if ((_guest.CheckAlive() ?? policy.Check()) is { } failure)
            {
                return failure;
            }

            _vmm.Policy = policy;
            return null;
        }
    }

    /// <summary>
    /// Changes pages behind the guest's back (S-SNP-04, S-TDX-13, S-PLAT-13): to shared takes them from the guest, to private gives them back, not
    /// validated or not accepted. What the guest believes stays, so the next access shows it (S-PLAT-11 to 13).
    /// </summary>
    /// <returns>
    /// EINVAL for a range that is not whole pages of RAM; EOPNOTSUPP where the host has no such table; EFAULT for an immutable RMP entry.
    /// </returns>
    public Failure? ChangePages(ulong address, ulong length, ConversionDirection direction)
    {
        lock (_guest.Gate)
        {
            Result<FrameRange> range = _guest.Memory.Layout.FramesAt(address, length, "change_pages");
            if ((_guest.CheckAlive() ?? range.Failure) is { } failure)
            {
                return failure;
            }

            return ByHost(() => _guest.Pages.ChangeByHost(range.Value, direction));
        }
    }

    /// <summary>
    /// Lets two guest pages trade their DRAM. SEV: each decrypts with the other's address to garbage (S-ENC-02). SNP: it takes RMPUPDATEs, so both
    /// have lost their validation, too (S-SNP-04).
    /// </summary>
    /// <returns>EINVAL for what is not two private pages of RAM outside shared buffers; EOPNOTSUPP where nested tables are not the host's.</returns>
    public Failure? Remap(ulong address, ulong other)
    {
        lock (_guest.Gate)
        {
            Result<FrameRange> one = _guest.Memory.Layout.FramesAt(address, Page.Size, "remap");
            Result<FrameRange> two = _guest.Memory.Layout.FramesAt(other, Page.Size, "remap");
            if ((_guest.CheckAlive() ?? one.Failure ?? two.Failure ?? CheckRemap(one.Value.First, two.Value.First)) is { } failure)
            {
                return failure;
            }

            bool rmp = _guest.Platform.Platform is Platform.SevSnp or Platform.SevSnpVtom;
            Failure? refused = !rmp ? null : ByHost(() => _guest.Pages.ChangeByHost(one.Value, ConversionDirection.ToPrivate)
                ?? _guest.Pages.ChangeByHost(two.Value, ConversionDirection.ToPrivate));
            if (refused is null)
            {
                _guest.Memory.SwapRaw(one.Value.First, two.Value.First);
            }

            return refused;
        }
    }

    private Failure? CheckRemap(ulong one, ulong two)
    {
        if (_guest.Platform.Platform is not (Platform.Sev or Platform.SevEs or Platform.SevSnp or Platform.SevSnpVtom))
        {
            return HostActs.CannotChange(_guest.Platform.Platform);
        }

        bool shared = _guest.Pages.IsShared(one) || _guest.Pages.IsShared(two);
        return shared || one == two
            ? new Failure(Errno.EINVAL, "remap", "check pages", $"Frames 0x{one:x} and 0x{two:x} are not two private pages.", "address")
            : null;
    }

    private Failure? ByHost(Func<Failure?> act)
    {
        _pages.Cause = PageStateCause.Host;
        try
        {
            return act();
        }
        finally
        {
            _pages.Cause = PageStateCause.Kernel;
        }
    }
}
