namespace CocoGuest.Machine.PageState;

/// <summary>How a VMM treats the exits that its policy picks.</summary>
public enum HypervisorConduct
{
    /// <summary>Does what is asked and says so.</summary>
    Obey = 0,
    /// <summary>Does nothing and says EINVAL.</summary>
    Refuse = 1,
    /// <summary>Does nothing and asks to try again (EAGAIN).</summary>
    Retry = 2,
    /// <summary>Does the first pages of each exit, then says EINVAL.</summary>
    HalfDo = 3,
    /// <summary>Does the first pages of each exit, then asks to try again: TDX and realms go on from there.</summary>
    HalfDoAndRetry = 4,
    /// <summary>Says that all is done, and did the first pages only (0: nothing).</summary>
    Lie = 5,
}
