using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>Allocating and closing buffers, and what the guest counts: steps that all families of whole programs share.</summary>
internal static class HeapOps
{
    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("heap_alloc", Allocate),
        new("close", Close),
        new("live_buffers", (c, r, a) => a.Set("objects", (long)GuestCase.Of(c).Guest.Buffers.Live)),
        new("bufinfo_total", (c, r, a) => a.Set("objects", (long)GuestCase.Of(c).Guest.Buffers.Live)),
        new("swiotlb_used_slots", (c, r, a) => a.Set("used", GuestCase.Of(c).World.Used)),
    ];

    /// <summary>The recordings' platform could be switched on and off at run time.</summary>
    public static void Switch(GuestCase g, Record record)
    {
        if (record.In.Has("coco"))
        {
            g.Guest.ClaimsEncryption = record.In.Flag("coco");
        }
    }

    private static void Allocate(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        Switch(g, record);
        Result<BufferHandle> made = g.Guest.Heaps.Allocate(
            g.Process, record.In.Text("heap"), record.In.Number("len"), (uint)record.In.Number("fd_flags", 0x80002),
            record.In.Number("heap_flags", 0));
        answers.SetResult(made.Failure);
        if (made.Ok)
        {
            g.Name(answers.Label("a"), made.Value.Fd);
        }
    }

    private static void Close(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        string name = record.In.Text("fd");
        answers.SetResult(g.Guest.Files.Close(g.Process, g.Fd(name)));
        g.Forget(name);
    }
}
