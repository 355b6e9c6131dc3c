namespace CocoGuest.Tests.Conformance.Docs.Coverage;

/// <summary>
/// Which statements the recorded families exercise: a family stands beside a statement if its records would have come out differently had
/// the kernel done otherwise. Statements with the mark [R] need no entry.
/// </summary>
/// <remarks>
/// A <i>real</i> record comes from unmodified kernel code. The families <c>cc_*</c> exist only as lab records: the series ported by hand,
/// or the merged code on a platform that only says that it is a CoCo guest.
/// </remarks>
internal static class RecordedFamilies
{
    private const string LabPrefix = "cc_";

    private static readonly HashSet<string> RealIds;
    private static readonly HashSet<string> LabIds;

    static RecordedFamilies()
    {
        RealIds = Table.Where(row => !IsLab(row.Family)).SelectMany(row => row.Ids).ToHashSet(StringComparer.Ordinal);
        LabIds = Table.Where(row => IsLab(row.Family)).SelectMany(row => row.Ids).ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>Family name, as in the records, and statement numbers.</summary>
    public static IReadOnlyList<(string Family, string[] Ids)> Table { get; } =
    [
        ("alloc", ["S-HEAP-12", "S-HEAP-13", "S-HEAP-23", "S-HEAP-24", "S-HEAP-28", "S-HEAP-29"]),
        ("alloc_cmd", ["S-HEAP-11", "S-HEAP-20", "S-HEAP-21", "S-HEAP-22", "S-HEAP-26", "S-HEAP-32"]),
        ("alloc_oom", ["S-HEAP-30", "S-HEAP-31"]),
        ("cc_fail_decrypt", ["S-SYS-21", "S-SYS-22", "S-SYS-23"]),
        ("cc_fail_encrypt", ["S-SYS-26", "S-SYS-29"]),
        ("cc_fail_late", ["S-SYS-23", "S-HEAP-32"]),
        ("cc_flags", ["S-HEAP-13", "S-HEAP-14", "S-HEAP-40", "S-HEAP-41", "S-UP-09", "S-VEC-13"]),
        ("cc_import", ["S-SYS-42", "S-SYS-64", "S-SYS-65", "S-DMA-31", "S-DMA-32", "S-DMA-33"]),
        ("cc_life", ["S-SYS-20", "S-SYS-26"]),
        ("dev", ["S-HEAP-04", "S-HEAP-05", "S-HEAP-07"]),
        ("dma_alloc", ["S-DMA-60", "S-DMA-61", "S-DMA-64"]),
        ("dma_page",
        [
            "S-DMA-17", "S-DMA-30", "S-DMA-32", "S-DMA-33", "S-DMA-46", "S-SWI-20", "S-SWI-21", "S-SWI-23", "S-SWI-24", "S-SWI-30",
            "S-SWI-34", "S-SWI-35", "S-SWI-40", "S-SWI-41",
        ]),
        ("dma_phys", ["S-DMA-32", "S-DMA-33", "S-DMA-40", "S-DMA-44", "S-DMA-84"]),
        ("dma_query", ["S-DMA-58", "S-DMA-70", "S-SWI-11"]),
        ("dma_resource", ["S-DMA-46"]),
        ("dma_sg", ["S-DMA-50", "S-DMA-51", "S-SWI-12", "S-SWI-41"]),
        ("dma_trace",
        [
            "S-DMA-41", "S-SYS-43", "S-TRC-01", "S-TRC-02", "S-TRC-03", "S-TRC-04", "S-TRC-05", "S-TRC-06", "S-TRC-10", "S-TRC-11",
            "S-TRC-16", "S-TRC-19", "S-TRC-21", "S-TRC-22", "S-TRC-23", "S-TRC-24", "S-TRC-40",
        ]),
        ("env", ["S-HEAP-01", "S-HEAP-48", "S-CMA-08"]),
        ("fault", ["S-SYS-06", "S-HEAP-31", "S-BUF-74"]),
        ("fileops", ["S-BUF-14", "S-BUF-12"]),
        ("importer",
        [
            "S-BUF-42", "S-BUF-45", "S-BUF-54", "S-BUF-57", "S-BUF-65", "S-BUF-80", "S-SYS-40", "S-SYS-42", "S-SYS-44", "S-SYS-45",
            "S-SYS-46", "S-SYS-60", "S-SYS-61", "S-SYS-62", "S-CMA-02", "S-CMA-06",
        ]),
        ("info", ["S-BUF-105", "S-BUF-101", "S-BUF-103", "S-BUF-104"]),
        ("life", ["S-BUF-34", "S-BUF-90", "S-BUF-92", "S-BUF-93"]),
        ("lseek", ["S-BUF-10"]),
        ("mapops", ["S-BUF-36", "S-PIN-08", "S-SYS-48"]),
        ("mem", ["S-SYS-05", "S-SYS-26"]),
        ("mmap", ["S-BUF-30", "S-BUF-31", "S-BUF-32", "S-BUF-35", "S-SYS-47", "S-SYS-53", "S-CMA-04"]),
        ("mprotect", ["S-BUF-30"]),
        ("name", ["S-BUF-70", "S-BUF-71"]),
        ("physlayout", ["S-SYS-01", "S-SYS-02", "S-SYS-03", "S-VEC-10"]),
        ("poll", ["S-BUF-13"]),
        ("rdma", ["S-RDMA-01", "S-RDMA-10", "S-PIN-05", "S-PIN-20"]),
        ("swiotlb", ["S-BUF-65", "S-BUF-66", "S-SYS-44", "S-SYS-45", "S-SYS-46", "S-SYS-62", "S-GPU-07"]),
        ("swiotlb_slots", ["S-SWI-12", "S-SWI-20", "S-SWI-21", "S-SWI-22", "S-SWI-23", "S-SWI-25"]),
        ("sync", ["S-BUF-60", "S-BUF-61", "S-BUF-62", "S-BUF-64"]),
        ("syncfile", ["S-BUF-72", "S-BUF-73", "S-BUF-74", "S-BUF-75"]),
        ("udmabuf", ["S-BUF-116", "S-BUF-111"]),
        ("vgem", ["S-GPU-01", "S-GPU-02", "S-GPU-04", "S-GPU-08"]),
    ];

    /// <summary>All numbers of the table.</summary>
    public static IEnumerable<string> Ids => Table.SelectMany(row => row.Ids);

    /// <summary>Statements with the mark [R] that only lab records exercise.</summary>
    public static IReadOnlySet<string> MarkedForLabRecords { get; } =
        new HashSet<string>(StringComparer.Ordinal) { "S-SYS-23", "S-REC-05", "S-REC-55", "S-REC-57", "S-REC-58" };

    /// <summary>The family has no real records.</summary>
    public static bool IsLab(string family) => family.StartsWith(LabPrefix, StringComparison.Ordinal);

    /// <summary>A real record exercises the statement.</summary>
    /// <param name="id">Its number.</param>
    /// <param name="marked">It has the mark [R].</param>
    public static bool InReal(string id, bool marked) => (marked && !MarkedForLabRecords.Contains(id)) || RealIds.Contains(id);

    /// <summary>A lab record exercises the statement.</summary>
    public static bool InLab(string id) => MarkedForLabRecords.Contains(id) || LabIds.Contains(id);
}
