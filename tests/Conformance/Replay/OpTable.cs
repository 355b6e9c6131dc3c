using CocoGuest.Tests.Replay.Ops;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// Which code runs which operation. An operation is looked up by its name, some by family and name where one name means two things. A
/// handler gets the case (what earlier steps opened), the record (for its arguments) and the answers to fill; it drives the machine and
/// reports what the machine gave. It never sees what the kernel gave.
/// </summary>
/// <remarks>A group of handlers is a static class in <c>Ops</c> with a list <c>All</c>; adding it to <see cref="Groups"/> is all.</remarks>
internal static class OpTable
{
    /// <summary>One row.</summary>
    /// <param name="Op">Name of the operation, or <c>family/name</c>.</param>
    /// <param name="Run">Its handler.</param>
    public readonly record struct Row(string Op, Action<ReplayCase, Record, Answers> Run);

    private static readonly IReadOnlyList<Row>[] Groups =
    [
        DmaSingleOps.All, DmaSgOps.All, SlotOps.All, DmaQueryOps.All, HeapOps.All, HeapCommandOps.All,
        FileOps.All, MemoryOps.All, RangeOps.All, ImporterOps.All, TraceOps.All, DrmOps.All, UdmabufOps.All,
        ConversionOps.All, DmaAllocOps.All, SyncFileOps.All, PollOps.All, RdmaOps.All, FaultOps.All,
        InfoOps.All, LifeOps.All, AccountingOps.All,
    ];

    private static readonly Dictionary<string, Action<ReplayCase, Record, Answers>> Rows =
        Groups.SelectMany(g => g).ToDictionary(r => r.Op, r => r.Run, StringComparer.Ordinal);

    /// <summary>The handler of a record, or null.</summary>
    public static Action<ReplayCase, Record, Answers>? Find(Record record) =>
        Rows.TryGetValue($"{record.Family}/{record.Op}", out Action<ReplayCase, Record, Answers>? special) ? special
        : Rows.GetValueOrDefault(record.Op);
}
