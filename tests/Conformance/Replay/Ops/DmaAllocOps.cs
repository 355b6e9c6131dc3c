using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Allocation;
using CocoGuest.Machine.Dma.Swiotlb;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>Allocations for DMA: family dma_alloc.</summary>
internal static class DmaAllocOps
{
    private const string Device = "oracle-dma.0";
    private const ulong FourGiB = 1UL << 32;

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("dma_alloc_coherent", (c, r, a) => Answer(c, r, a, Api(c).AllocCoherent(Of(c).Process, Device, r.In.Number("size")))),
        new("dma_alloc_pages", (c, r, a) => Answer(c, r, a, Api(c).AllocPages(
            Of(c).Process, Device, r.In.Number("size"), DmaWorld.DirectionOf(r.In.Text("dir"))))),
        new("dma_alloc_attrs", (c, r, a) => Answer(c, r, a, Api(c).AllocAttrs(
            Of(c).Process, Device, r.In.Number("size"), DmaAllocationFlags.None, (DmaAttributes)r.In.Number("attrs")))),
        new("dma_free_attrs", Free),
    ];

    private static GuestCase Of(ReplayCase c) => GuestCase.Of(c);

    // No step says what the device can address: all, as a modern one.
    private static GuestDmaApi Api(ReplayCase c)
    {
        GuestCase g = Of(c);
        if (!c.State<Held>().Registered)
        {
            c.State<Held>().Registered = g.Guest.Devices.Register(g.Process, new DeviceSpec { Name = Device, DmaMask = ulong.MaxValue }).Ok;
        }

        return g.Guest.DmaApi;
    }

    private static void Answer(ReplayCase c, Record record, Answers answers, Result<DmaAllocation> made)
    {
        GuestCase g = Of(c);
        SwiotlbPool? pool = g.Guest.Dma.DefaultPool;
        answers.Set("ok", made.Ok);
        answers.Set("used", g.World.Used);
        answers.Set("in_pool", made.Ok && pool?.Contains(made.Value.Phys) == true);
        if (!made.Ok)
        {
            return;
        }

        c.State<Held>().Id = made.Value.Id;
        answers.Set("below_4g", made.Value.Phys + made.Value.Size <= FourGiB);
        if (answers.Wants("zeroed"))
        {
            byte[] bytes = new byte[record.In.Number("size")];
            answers.Set(
                "zeroed",
                g.Guest.DmaApi.Read(g.Process, made.Value.Id, 0, bytes) is null && !bytes.AsSpan().ContainsAnyExcept((byte)0));
        }
    }

    private static void Free(ReplayCase c, Record record, Answers answers)
    {
        if (c.State<Held>().Id is { } id && Of(c).Guest.DmaApi.Free(Of(c).Process, id) is { } failure)
        {
            throw new InvalidOperationException(failure.Sentence);
        }

        c.State<Held>().Id = null;
        answers.Set("used", Of(c).World.Used);
    }

    private sealed class Held
    {
        public bool Registered { get; set; }

        public ulong? Id { get; set; }
    }
}
