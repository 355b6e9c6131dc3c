namespace CocoGuest.Machine.Diagnostics;

/// <summary>An armed fault and what became of it.</summary>
/// <param name="Id">Number of the fault in its guest.</param>
/// <param name="Spec">As it was armed.</param>
/// <param name="Calls">Calls of the point since then, by tasks that pass the filter.</param>
/// <param name="Fired">Calls that failed by it.</param>
public sealed record FaultStatus(ulong Id, FaultSpec Spec, ulong Calls, ulong Fired);
