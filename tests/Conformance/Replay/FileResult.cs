namespace CocoGuest.Tests.Replay;

/// <summary>Outcome of the replay of one file.</summary>
/// <param name="Path">The file.</param>
/// <param name="Families">Tallies by family.</param>
/// <param name="Differences">All differences, in the order of the records; a record counts as failed once.</param>
internal sealed record FileResult(string Path, IReadOnlyDictionary<string, Tally> Families, IReadOnlyList<Difference> Differences);
