namespace CocoGuest.Machine.PageState;

/// <summary>
/// A VMM that misbehaves to order (S-SETM-26): obeys for a number of exits, then gives another answer for a number of exits, then obeys
/// again. "Deny" is (0, forever, Invalid), "retry n times" is (0, n, Again), "partial" is (k, forever, Invalid).
/// Not thread-safe: belongs to one guest.
/// </summary>
/// <param name="obeyFirst">Exits answered with Ok before the misbehaviour begins.</param>
/// <param name="misbehaveFor">Exits that get <paramref name="answer"/>; <see cref="ulong.MaxValue"/> is forever.</param>
/// <param name="answer">The answer given then.</param>
public sealed class PolicyHypervisor(ulong obeyFirst, ulong misbehaveFor, VmmAnswer answer) : IHypervisor
{
    private ulong _obey = obeyFirst;
    private ulong _misbehave = misbehaveFor;

    /// <inheritdoc/>
    public bool MapGpaRangeExits { get; init; } = true;

    /// <inheritdoc/>
    public bool DiscardsOldBacking { get; init; } = true;

    /// <inheritdoc/>
    public bool EventPending { get; init; }

    /// <inheritdoc/>
    public VmmReply Convert(in VmmExit exit)
    {
        if (_obey > 0)
        {
            _obey--;
            return VmmAnswer.Ok;
        }
        if (_misbehave == 0)
            return VmmAnswer.Ok;
        if (_misbehave != ulong.MaxValue)
            _misbehave--;
        return answer;
    }
}
