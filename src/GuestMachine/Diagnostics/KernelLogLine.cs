namespace CocoGuest.Machine.Diagnostics;

/// <summary>One line of the guest kernel's log.</summary>
/// <param name="Sequence">Number of the line since boot, from 0; a gap at the start means that older lines were overwritten.</param>
/// <param name="Time">Guest time since boot.</param>
/// <param name="IsWarning">Warning, else information.</param>
/// <param name="Text">The text as the kernel prints it.</param>
public readonly record struct KernelLogLine(ulong Sequence, TimeSpan Time, bool IsWarning, string Text);
