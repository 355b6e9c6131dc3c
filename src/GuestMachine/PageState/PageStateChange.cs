using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState;

/// <summary>Neighbouring pages that went from one state to another in one operation.</summary>
/// <param name="Range">The frames.</param>
/// <param name="Before">State of the first one before.</param>
/// <param name="After">State of the first one after.</param>
/// <param name="Cause">Who did it.</param>
public readonly record struct PageStateChange(FrameRange Range, PageStateInfo Before, PageStateInfo After, PageStateCause Cause);
