namespace CocoGuest.Machine.Memory;

/// <summary>Direction of a bounce copy.</summary>
public enum BounceWay
{
    /// <summary>No copy.</summary>
    None = 0,
    /// <summary>From the original (private) memory to the bounce slots (shared).</summary>
    ToBounce = 1,
    /// <summary>From the bounce slots (shared) back to the original (private) memory.</summary>
    FromBounce = 2,
}
