namespace CocoGuest.Tests.Replay;

/// <summary>
/// Operations outside the machine, with the reason: what they ask belongs to another kernel subsystem. This table is the only way in which a
/// record is skipped.
/// </summary>
internal static class NotModelled
{
    private static readonly Dictionary<string, string> Reasons = new(StringComparer.Ordinal)
    {
        ["read_pipe_into_map"] = "pipes",
        ["write_pipe_from_map"] = "pipes",
        ["write_devnull_from_map"] = "/dev/null",
        ["debugfs_read"] = "counters of the DMA API's debugging code",
        ["proc_filesystems"] = "/proc/filesystems",
    };

    /// <summary>All rows, for documents and tests.</summary>
    public static IReadOnlyDictionary<string, string> All => Reasons;

    /// <summary>Why a record is not replayed, or null if it is.</summary>
    public static string? ReasonOf(Record record) => Reasons.GetValueOrDefault(record.Op);
}
