namespace CocoGuest.Tests.Replay.Probes;

/// <summary>
/// Records and fields in which a program on another machine cannot be compared with the recorded one, with the reason. A record that the
/// probe itself could not perform says so in its line; this table and those lines are the only ways in which something is left out.
/// </summary>
internal static class NotNative
{
    /// <summary>Operations that ask about what is no part of a guest.</summary>
    public static IReadOnlyDictionary<string, string> Operations { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["debugfs_read"] = "counters of the DMA API's debugging code",
    };

    /// <summary>Fields by name, beside those that no comparison looks at (<see cref="Incomparable"/>).</summary>
    public static IReadOnlyDictionary<string, string> Fields { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["memfree_drop_ge_expected_minus_1MiB"] = "free memory of the machine, in /proc/meminfo, where others allocate as well",
        ["memfree_drop_lt_2048kb"] = "free memory of the machine, in /proc/meminfo, where others allocate as well",
    };
}
