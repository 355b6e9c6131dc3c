namespace CocoGuest.Machine.PageState;

/// <summary>State of a frame in the secure EPT (S-TDX-14).</summary>
public enum SeptState
{
    /// <summary>Not in the SEPT: the frame is shared.</summary>
    Free = 0,
    /// <summary>Added, not accepted.</summary>
    Pending = 1,
    /// <summary>Accepted.</summary>
    Mapped = 2,
    /// <summary>Between block and remove: while the VMM handles the exit that makes it shared (S-TDX-13).</summary>
    Blocked = 3,
}
