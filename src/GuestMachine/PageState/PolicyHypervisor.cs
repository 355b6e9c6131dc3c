namespace CocoGuest.Machine.PageState;

/// <summary>
/// A VMM that follows a <see cref="HypervisorPolicy"/>, which may be changed between conversions. "Deny" is (0, forever, Invalid), "retry n
/// times" is (0, n, Again), "partial" is (k, forever, Invalid) in the short form. Not thread-safe: belongs to one guest.
/// </summary>
/// <param name="policy">The policy at start.</param>
public sealed class PolicyHypervisor(HypervisorPolicy policy) : IHypervisor
{
    private HypervisorPolicy _policy = policy;
    private ulong _seen;

    /// <summary>A VMM that obeys, then gives one answer for a number of exits, then obeys again.</summary>
    /// <param name="obeyFirst">Exits answered with Ok before the misbehaviour begins.</param>
    /// <param name="misbehaveFor">Exits that get <paramref name="answer"/>; <see cref="ulong.MaxValue"/> is forever.</param>
    /// <param name="answer">The answer given then.</param>
    public PolicyHypervisor(ulong obeyFirst, ulong misbehaveFor, VmmAnswer answer)
        : this(new HypervisorPolicy
        {
            Conduct = answer == VmmAnswer.Ok ? HypervisorConduct.Obey
                : answer == VmmAnswer.Again ? HypervisorConduct.Retry
                : HypervisorConduct.Refuse,
            After = obeyFirst,
            Times = misbehaveFor,
        })
    {
    }

    /// <summary>The policy in force. A new one counts its exits from 0.</summary>
    public HypervisorPolicy Policy
    {
        get => _policy;
        set
        {
            _policy = value;
            _seen = 0;
        }
    }

    /// <inheritdoc/>
    public bool MapGpaRangeExits => _policy.MapGpaRangeExits;

    /// <inheritdoc/>
    public bool DiscardsOldBacking => _policy.DiscardsOldBacking;

    /// <inheritdoc/>
    public bool EventPending => _policy.EventPending;

    /// <inheritdoc/>
    public VmmReply Convert(in VmmExit exit)
    {
        bool counts = _policy.Only is null || _policy.Only == exit.Direction;
        bool picked = counts && _seen >= _policy.After && _seen - _policy.After < _policy.Times;
        _seen += counts ? 1u : 0u;
        VmmReply reply = picked ? Misbehave() : VmmAnswer.Ok;
        return reply with { Nanoseconds = _policy.NanosecondsPerExit };
    }

    private VmmReply Misbehave() => _policy.Conduct switch
    {
        HypervisorConduct.Refuse => VmmAnswer.Invalid,
        HypervisorConduct.Retry => VmmAnswer.Again,
        HypervisorConduct.HalfDo => new VmmReply(VmmAnswer.Invalid, _policy.Pages),
        HypervisorConduct.HalfDoAndRetry => new VmmReply(VmmAnswer.Again, _policy.Pages),
        HypervisorConduct.Lie => new VmmReply(VmmAnswer.Ok, _policy.Pages),
        _ => VmmAnswer.Ok,
    };
}
