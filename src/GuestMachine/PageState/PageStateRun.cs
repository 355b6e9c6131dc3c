using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState;

/// <summary>Neighbouring frames in the same state.</summary>
/// <param name="Range">The frames.</param>
/// <param name="State">State of the first one; the others differ only in the frame number inside the RMP entry.</param>
public readonly record struct PageStateRun(FrameRange Range, PageStateInfo State);
