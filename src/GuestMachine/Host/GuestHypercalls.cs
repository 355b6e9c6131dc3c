using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Kvm;
using CocoGuest.Machine.PageState.Trackers;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Host;

/// <summary>
/// Conversion calls and instructions that a guest makes with raw registers and buffers, past its kernel: each does its own part and nothing
/// of what the kernel does around it; page tables never follow.
/// Models: hypercall 12, page state change by GHCB page and MSR, MapGPA, with KVM's checks (<see cref="KvmConversions"/>); PVALIDATE,
/// accept, RSI_IPA_STATE_SET, share and unshare of pKVM and the ultravisors. Does not model: SVSM, other uses of the interfaces.
/// </summary>
public sealed partial class GuestHypercalls
{
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly WatchedTracker _pages;
    private readonly KvmConversions _kvm;

    internal GuestHypercalls(GuestCore core, IHypervisor vmm, WatchedTracker pages)
    {
        _core = core;
        _gate = core.Gate;
        _pages = pages;
        _kvm = new KvmConversions(vmm, Apply, range => range.First < core.Pages.Map.Frames
            && range.Count <= core.Pages.Map.Frames && core.Memory.Layout.Contains(range.Address, range.Bytes));
    }

    /// <summary>KVM_HC_MAP_GPA_RANGE on SEV and SEV-ES guests (S-SEV-03 to 05). EOPNOTSUPP elsewhere.</summary>
    /// <param name="address">a0.</param>
    /// <param name="pages">a1.</param>
    /// <param name="attributes">a2.</param>
    public Result<long> MapGpaRange(ulong address, ulong pages, ulong attributes)
    {
        using Lock.Scope held = _gate.Hold();
        return Refuse("map_gpa_range", Platform.Sev, Platform.SevEs) is { } failure
            ? failure
            : _kvm.MapGpaRangeCall(address, pages, attributes);
    }

    /// <summary>Page state change by GHCB page on SNP guests (S-SNP-21, S-SNP-38); the words are written back as far as KVM got.</summary>
    /// <param name="words">Header and entries; the room is what is there, at most 253 entries.</param>
    /// <returns>Exit info 2. EOPNOTSUPP on other platforms.</returns>
    public Result<ulong> PageStateChange(Span<ulong> words)
    {
        using Lock.Scope held = _gate.Hold();
        return Refuse("page_state_change", Platform.SevSnp) is { } failure ? failure : _kvm.PageStateChange(words);
    }

    /// <summary>Page state change by MSR on SNP guests (S-SNP-26). EOPNOTSUPP on other platforms.</summary>
    public Result<ulong> PageStateChangeMsr(ulong request)
    {
        using Lock.Scope held = _gate.Hold();
        return Refuse("page_state_change", Platform.SevSnp) is { } failure ? failure : _kvm.PageStateChangeMsr(request);
    }

    /// <summary>TDG.VP.VMCALL MapGPA on TDX guests (S-TDX-02, 03, 15): r10 and r11. EOPNOTSUPP on other platforms.</summary>
    /// <param name="start">r12.</param>
    /// <param name="bytes">r13.</param>
    public Result<(ulong R10, ulong R11)> MapGpa(ulong start, ulong bytes)
    {
        using Lock.Scope held = _gate.Hold();
        return Refuse("map_gpa", Platform.Tdx) is { } failure ? failure : _kvm.MapGpa(start, bytes, (int)_core.Shape.GpaWidth - 1);
    }

    private Failure? Refuse(string call, params ReadOnlySpan<Platform> platforms) =>
        _gate.Begin() ?? (platforms.Contains(_core.Platform.Platform)
            ? null
            : new Failure(Errno.EOPNOTSUPP, call, "platform",
                $"A guest of platform {_core.Platform.Name} does not make this call.", "guest"));

    // Frames that are on that side already stay as they are: KVM's attribute does not change (S-SNP-32).
    private void Apply(FrameRange range, ConversionDirection direction)
    {
        bool shared = direction == ConversionDirection.ToShared;
        foreach (PageStateRun run in _core.Pages.Runs(range).ToArray())
        {
            if ((run.State.Condition == PageCondition.Shared) != shared)
            {
                _ = _core.Pages.ChangeByHost(run.Range, direction);
            }
        }
    }
}
