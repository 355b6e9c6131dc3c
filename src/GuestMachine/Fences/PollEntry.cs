using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Fences;

/// <summary>One row of a poll call.</summary>
/// <param name="Fd">The fd; negative: ignored.</param>
/// <param name="Events">What is asked for.</param>
public readonly record struct PollEntry(int Fd, PollEvents Events);
