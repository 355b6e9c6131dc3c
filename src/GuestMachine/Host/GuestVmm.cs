using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Trackers;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Host;

/// <summary>
/// The VMM and the host kernel of a guest: how they answer conversions, and what they do to its pages unasked.
/// Models: obeying, refusing, half-doing, asking for retry, taking time, lying; RMPUPDATE, SEPT removal, destroyed granules and remapping
/// behind the guest's back. Does not model: scheduling, memory pressure, migration.
/// </summary>
public sealed class GuestVmm
{
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly PolicyHypervisor _vmm;
    private readonly WatchedTracker _pages;

    internal GuestVmm(GuestCore core, PolicyHypervisor vmm, WatchedTracker pages)
    {
        _core = core;
        _gate = core.Gate;
        _vmm = vmm;
        _pages = pages;
    }

    /// <summary>The policy in force.</summary>
    public HypervisorPolicy Policy
    {
        get
        {
            using Lock.Scope held = _gate.Hold();
            return _vmm.Policy;
        }
    }

    /// <summary>Sets the policy; its exits count from now on.</summary>
    /// <returns>EINVAL naming the field at fault; EOWNERDEAD when the guest is gone.</returns>
    public Failure? SetPolicy(HypervisorPolicy policy)
    {
        using CallScope call = _gate.Enter();
        if ((call.Refused ?? policy.Check()) is { } failure)
        {
            return failure;
        }

        _vmm.Policy = policy;
        return null;
    }

    /// <summary>
    /// Changes pages behind the guest's back (S-SNP-04, S-TDX-13, S-PLAT-13): to shared takes them from the guest, to private gives them
    /// back, not validated or not accepted. What the guest believes stays, so the next access shows it (S-PLAT-11 to 13).
    /// </summary>
    /// <returns>
    /// EINVAL for a range that is not whole pages of RAM; EOPNOTSUPP where the host has no such table; EFAULT for an immutable RMP entry.
    /// </returns>
    public Failure? ChangePages(ulong address, ulong length, ConversionDirection direction)
    {
        using CallScope call = _gate.Enter();
        Result<FrameRange> range = _core.Memory.Layout.FramesAt(address, length, "change_pages");
        if ((call.Refused ?? range.Failure) is { } failure)
        {
            return failure;
        }

        Failure? refused = ByHost(() => _core.Pages.ChangeByHost(range.Value, direction));
        if (refused is null && _core.Platform.Platform == Platform.CcaRealm)
        {
            LoseContents(range.Value);
        }

        return refused;
    }

    /// <summary>RMPUPDATE of one entry, as the instruction answers (S-SNP-02 to 04). Assigned entries are not validated.</summary>
    /// <param name="address">The entry's first byte.</param>
    /// <param name="size">4K or 2M.</param>
    /// <param name="assign">The guest's, or the hypervisor's.</param>
    /// <returns>
    /// The code; ENODEV where the host has no RMP (S-SNP-05); EINVAL for what is no entry of RAM; EFAULT for an immutable entry.
    /// </returns>
    public Result<uint> RmpUpdate(ulong address, MappingSize size, bool assign)
    {
        using Lock.Scope held = _gate.Hold();
        Result<FrameRange> entry = RmpEntryAt(address, size, "rmpupdate");
        return entry.Ok
            ? ByHost(() => _pages.Raw<SnpTracker, Result<uint>>(entry.Value, t => t.RmpUpdate(entry.Value, size, assign)))
            : entry.Failure;
    }

    /// <summary>PSMASH of the 2 MiB entry at an address, as the instruction answers (S-SNP-05).</summary>
    /// <returns>The code; ENODEV where the host has no RMP; EINVAL for what is no RAM.</returns>
    public Result<uint> Psmash(ulong address)
    {
        using Lock.Scope held = _gate.Hold();
        Result<FrameRange> entry = RmpEntryAt(address, MappingSize.Size4K, "psmash");
        return entry.Ok ? ByHost(() => _pages.Raw<SnpTracker, Result<uint>>(entry.Value, t => t.Psmash(entry.Value.First))) : entry.Failure;
    }

    /// <summary>
    /// Lets two guest pages trade their DRAM. SEV: each decrypts with the other's address to garbage (S-ENC-02). SNP: it takes RMPUPDATEs,
    /// so both have lost their validation, too (S-SNP-04).
    /// </summary>
    /// <returns>
    /// EINVAL for what is not two private pages of RAM outside shared buffers; EOPNOTSUPP where nested tables are not the host's.
    /// </returns>
    public Failure? Remap(ulong address, ulong other)
    {
        using CallScope call = _gate.Enter();
        Result<FrameRange> one = _core.Memory.Layout.FramesAt(address, Page.Size, "remap");
        Result<FrameRange> two = _core.Memory.Layout.FramesAt(other, Page.Size, "remap");
        if ((call.Refused ?? one.Failure ?? two.Failure ?? CheckRemap(one.Value.First, two.Value.First)) is { } failure)
        {
            return failure;
        }

        bool rmp = _core.Platform.Platform is Platform.SevSnp or Platform.SevSnpVtom;
        Failure? refused = !rmp ? null : ByHost(() => _core.Pages.ChangeByHost(one.Value, ConversionDirection.ToPrivate)
            ?? _core.Pages.ChangeByHost(two.Value, ConversionDirection.ToPrivate));
        if (refused is null)
        {
            _core.Memory.SwapRaw(one.Value.First, two.Value.First);
        }

        return refused;
    }

    // A destroyed granule is gone with its bytes: what comes back after it is another one, and zero.
    private void LoseContents(FrameRange range)
    {
        for (ulong frame = range.First; frame < range.End; frame++)
        {
            if (!_core.Pages.IsShared(frame))
            {
                _core.Memory.Zero(new Memory.Frames.Chunk(frame, 0));
            }
        }
    }

    private Failure? CheckRemap(ulong one, ulong two)
    {
        if (_core.Platform.Platform is not (Platform.Sev or Platform.SevEs or Platform.SevSnp or Platform.SevSnpVtom))
        {
            return HostActs.CannotChange(_core.Platform.Platform);
        }

        bool shared = _core.Pages.IsShared(one) || _core.Pages.IsShared(two);
        return shared || one == two
            ? new Failure(Errno.EINVAL, "remap", "check pages", $"Frames 0x{one:x} and 0x{two:x} are not two private pages.", "address")
            : null;
    }

    private Result<FrameRange> RmpEntryAt(ulong address, MappingSize size, string operation) =>
        _gate.Begin() is { } dead ? dead
        : _core.Platform.Platform is not (Platform.SevSnp or Platform.SevSnpVtom)
            ? new Failure(Errno.ENODEV, operation, "platform",
                $"The host of a guest of platform {_core.Platform.Name} has no RMP (S-SNP-05).", "guest")
        : size > MappingSize.Size2M || (address & ((LargePages.FramesOf(size) << Page.Shift) - 1)) != 0
            ? new Failure(Errno.EINVAL, operation, "check address", $"0x{address:x} begins no entry of that size.", "address")
        : _core.Memory.Layout.FramesAt(address, LargePages.FramesOf(size) << Page.Shift, operation);

    private T ByHost<T>(Func<T> act)
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
