namespace CocoGuest.Machine.Diagnostics;

/// <summary>
/// A fault that is armed: its attributes and what is left of them.
/// Models: the decision of the kernel's fault injection. Does not model: stack-trace filters, verbosity.
/// </summary>
internal sealed class ArmedFault(ulong id, FaultSpec spec)
{
    // An odd constant that spreads seeds over the state (a Weyl sequence); zero states draw like others.
    private const ulong Step = 0x9e3779b97f4a7c15;
    private ulong _draws = spec.Seed;
    private ulong _space = spec.Space;
    private long _times = spec.Times;
    private ulong _candidates;
    private ulong _calls;
    private ulong _fired;

    public FaultSpec Spec => spec;

    public FaultStatus Status => new(id, spec, _calls, _fired);

    /// <summary>Whether this call fails.</summary>
    public bool ShouldFail(uint pid, ulong bytes, int order)
    {
        if (spec.TaskFilter != 0 && spec.TaskFilter != pid)
        {
            return false;
        }

        _calls++;
        if (_times == 0 || order < spec.MinOrder)
        {
            return false;
        }

        if (_space > bytes)
        {
            _space -= bytes;
            return false;
        }

        if (spec.Interval > 1 && ++_candidates % spec.Interval != 0)
        {
            return false;
        }

        if (spec.Probability < 100 && Draw() >= spec.Probability)
        {
            return false;
        }

        _times -= _times > 0 ? 1 : 0;
        _fired++;
        return true;
    }

    private uint Draw()
    {
        _draws += Step;
        ulong z = (_draws ^ (_draws >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return (uint)((z ^ (z >> 31)) % 100);
    }
}
