namespace CocoGuest.Tests.Machine.Properties;

/// <summary>What a fail_nth sweep saw.</summary>
/// <param name="Points">Fault points that the operation passes.</param>
/// <param name="Failed">How many of them made it fail.</param>
/// <param name="Ended">How many of them ended the guest.</param>
/// <param name="Leaked">Bytes leaked by all failures together.</param>
internal readonly record struct SweepResult(uint Points, int Failed, int Ended, ulong Leaked);
