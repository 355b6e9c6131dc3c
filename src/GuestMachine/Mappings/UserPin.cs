namespace CocoGuest.Machine.Mappings;

/// <summary>Pages of user memory that a driver pinned.</summary>
/// <param name="Id">Number of the pin in its guest.</param>
/// <param name="Pages">Guest-physical addresses of the pinned pages, in order.</param>
/// <param name="Wanted">
/// Pages that were asked for: more than <paramref name="Pages"/> holds when a later one could not be pinned (S-PIN-03).
/// </param>
public sealed record UserPin(ulong Id, IReadOnlyList<ulong> Pages, ulong Wanted);
