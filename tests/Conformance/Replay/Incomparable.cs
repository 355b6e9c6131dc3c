namespace CocoGuest.Tests.Replay;

/// <summary>
/// Fields that are not compared, with the reason. These tables are the only way in which a field of a replayed record is left out.
/// </summary>
internal static class Incomparable
{
    private const string Kilobytes = "kilobytes of free memory";
    private const string OtherArea = "in another area of the pool than the first: where its search starts is in no step";

    /// <summary>Wherever they stand, by name.</summary>
    public static IReadOnlyDictionary<string, string> Everywhere { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["memfree_kb"] = Kilobytes,
        ["memfree_after_kb"] = Kilobytes,
        ["memfree_delta_kb"] = Kilobytes,
        ["memfree_drop_kb"] = Kilobytes,
        ["memfree_drop_kb_approx"] = Kilobytes,
        ["cmafree_delta_kb"] = Kilobytes,
        ["cmafree_drop_kb"] = Kilobytes,
        ["memtotal_kb"] = "kilobytes of memory",
        ["cmatotal_kb"] = "kilobytes of memory",
    };

    /// <summary>In one operation, as <c>op.field</c>, where the handler finds that the condition in the reason holds.</summary>
    public static IReadOnlyDictionary<string, string> Here { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["memfree_drop.memfree_drop_ge_expected_minus_1MiB"] =
            "of a CMA heap: MemFree lags behind, pages that the buffer before gave back wait in lists of their CPU",
        ["smaps.name"] =
            "writable mappings of a case without a step that names the buffer: the recorder gave it a name that stands nowhere",
        ["dma_map_page.slot"] = OtherArea,
        ["dma_map_page.slot_offset"] = OtherArea,
        ["map_double_into_hole.slot"] = OtherArea,
        ["map_double_into_hole.slot_offset"] = OtherArea,
        ["map_until_fail.first_slots"] = OtherArea + "; or where nothing bounces: where the driver's page lies is in none, either",
    };

    /// <summary>Why a field is left out of every comparison, or null.</summary>
    public static string? ReasonOf(string field) => Everywhere.GetValueOrDefault(field);
}
