namespace CocoGuest.Tests.Replay;

/// <summary>
/// Fields that are not compared, with the reason. These tables are the only way in which a field of a replayed record is left out.
/// </summary>
internal static class Incomparable
{
    private const string Kilobytes = "kilobytes of free memory";
    private const string Start = "where the slot search starts and how the device wants slots aligned is in no step of the family";

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

    /// <summary>In one operation of one family, as <c>family/op.field</c>.</summary>
    public static IReadOnlyDictionary<string, string> InOperations { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["swiotlb_slots/start.area_index"] = Start,
        ["swiotlb_slots/dma_map_page.area_index"] = Start,
        ["swiotlb_slots/dma_map_page.slot"] = Start,
        ["swiotlb_slots/dma_map_page.slot_offset"] = Start,
        ["swiotlb_slots/dma_unmap_page.area_index"] = Start,
        ["swiotlb_slots/map_until_fail.first_slots"] = Start,
    };

    /// <summary>In one operation, as <c>op.field</c>, where the handler finds that the condition in the reason holds.</summary>
    public static IReadOnlyDictionary<string, string> Here { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["memfree_drop.memfree_drop_ge_expected_minus_1MiB"] =
            "of a CMA heap: MemFree lags behind, pages that the buffer before gave back wait in lists of their CPU",
        ["smaps.name"] =
            "writable mappings of a case without a step that names the buffer: the recorder gave it a name that stands nowhere",
    };

    /// <summary>Why a field is left out of every comparison, or null.</summary>
    public static string? ReasonOf(Record record, string field) =>
        Everywhere.GetValueOrDefault(field) ?? InOperations.GetValueOrDefault($"{record.Family}/{record.Op}.{field}");
}
