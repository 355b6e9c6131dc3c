namespace CocoGuest.Tests.Replay;

/// <summary>
/// Records that are not replayed, with the reason: what they ask belongs to another kernel subsystem, or what they were asked with is not
/// in the record. This table and words that nobody knows (<see cref="UnknownWord"/>) are the only ways in which a record is skipped.
/// </summary>
internal static class NotModelled
{
    private const string NoInput = "its input is not in the record: ";

    /// <summary>One row.</summary>
    /// <param name="Name">What the report calls it.</param>
    /// <param name="Reason">Why.</param>
    /// <param name="Covers">Which records.</param>
    private sealed record Row(string Name, string Reason, Func<ReplayCase, Record, bool> Covers);

    private static readonly Row[] Rows =
    [
        Operation("read_pipe_into_map", "pipes"),
        Operation("write_pipe_from_map", "pipes"),
        Operation("write_devnull_from_map", "/dev/null"),
        Operation("debugfs_read", "counters of the DMA API's debugging code"),
        Operation("proc_filesystems", "/proc/filesystems"),
        new("steps after flag_off_after_alloc",
            NoInput + "that the platform stopped claiming encryption between two steps; only the case's name says so",
            (c, r) => !ReferenceEquals(c.Records[0], r) && c.Name.EndsWith("flag_off_after_alloc", StringComparison.Ordinal)),
        new("importer/maps and map_failed_at", NoInput + "the heap that the buffers came from, and where the slot search starts",
            (_, r) => r.Family == "importer" && r.Op is "maps" or "map_failed_at"),
        new("map_double_into_hole on another CPU than the first",
            NoInput + "where the search of that CPU's area started, and so whether the hole lies as its mapping must",
            (c, r) => r.Op == "map_double_into_hole" && c.World.Spec.Cpu != 0),
        new("trace_line that says \"alloc\" in a case that names no heap", NoInput + "the heap that the buffer came from",
            (c, r) => r.Op == "trace_line" && SaysAllocate(r) && c.Input("heap") is null),
        new("create_dumb after an import", NoInput + "whether the node opened for the import is one for rendering only",
            (c, r) => r.Op == "create_dumb" && c.Records.Any(e => e.Step < r.Step && e.Op == "prime_fd_to_handle")),
        new("cases of dma_trace without a heap, unless their names say size and mask", NoInput + "size and mask of the mapping",
            (c, r) => r.Family == "dma_trace" && PhysName.IsMeant(c) && PhysName.Of(c) is null),
    ];

    /// <summary>All rows, for documents and tests.</summary>
    public static IReadOnlyDictionary<string, string> All { get; } = Rows.ToDictionary(r => r.Name, r => r.Reason, StringComparer.Ordinal);

    /// <summary>The row that a record is skipped by, or null if it is replayed.</summary>
    public static string? RowOf(ReplayCase running, Record record) => Array.Find(Rows, row => row.Covers(running, record))?.Name;

    /// <summary>Why records are skipped: by a row, or by the name of a word that nobody knows.</summary>
    public static string ReasonOf(string name) => All.GetValueOrDefault(name, UnknownWord.Reason);

    private static Row Operation(string op, string reason) => new(op, reason, (_, r) => r.Op == op);

    private static bool SaysAllocate(Record record) => record.In.Text("seq", "").StartsWith("alloc ", StringComparison.Ordinal);
}
