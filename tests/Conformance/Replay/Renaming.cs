namespace CocoGuest.Tests.Replay;

/// <summary>
/// Values that the recorder chose or the kernel counted out, and the machine chose otherwise: equal up to a one-to-one renaming that holds
/// for as long as this object lives (a case, a boot).
/// </summary>
internal sealed class Renaming
{
    private readonly Dictionary<string, string> _recordedOf = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _oursOf = new(StringComparer.Ordinal);

    /// <summary>Whether the two may stand for the same thing; if both are new, they do from now on.</summary>
    public bool Match(string ours, string recorded)
    {
        bool known = _recordedOf.TryGetValue(ours, out string? partner);
        bool taken = _oursOf.TryGetValue(recorded, out string? owner);
        if (!known && !taken)
        {
            _recordedOf.Add(ours, recorded);
            _oursOf.Add(recorded, ours);
            return true;
        }

        return known && taken && partner == recorded && owner == ours;
    }
}
