namespace CocoGuest.Tests.Conformance.Docs.Coverage;

/// <summary>
/// Which statements the recorded families exercise: a family stands beside a statement if its records would have come out differently had
/// the kernel done otherwise. Statements with the mark [R] need no entry.
/// </summary>
internal static class RecordedFamilies
{
    private static readonly HashSet<string> Known = new(StringComparer.Ordinal);

    static RecordedFamilies() => Known.UnionWith(Ids);

    /// <summary>Family name, as in the records, and statement numbers.</summary>
    public static IReadOnlyList<(string Family, string[] Ids)> Table { get; } =
    [
    ];

    /// <summary>All numbers of the table.</summary>
    public static IEnumerable<string> Ids => Table.SelectMany(row => row.Ids);

    /// <summary>A recorded family exercises the statement.</summary>
    public static bool Exercises(string id) => Known.Contains(id);
}
