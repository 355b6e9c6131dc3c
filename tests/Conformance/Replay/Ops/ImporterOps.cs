using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.DmaBufs;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>
/// The lab's importer driver: attach, map, device and CPU access, kernel access. Families importer, physlayout, dma_trace (heap.*).
/// </summary>
internal static class ImporterOps
{
    private const int RunsShown = 24;
    private const int MostBytesPerCall = 1 << 20;

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("dma_buf_attach", Attach),
        new("dma_buf_detach", (c, r, a) => a.SetResult(Of(c).Guest.Importers.Detach(Of(c).Process, Take(c, r).Id))),
        new("dma_buf_map_attachment", Map),
        new("dma_buf_unmap_attachment", Unmap),
        new("importer/live_buffers", LiveBuffers),
        new("kernel_begin_cpu_access", (c, r, a) => KernelAccess(c, r, a, end: false)),
        new("kernel_end_cpu_access", (c, r, a) => KernelAccess(c, r, a, end: true)),
        new("kernel_vmap_read", VmapRead),
        new("kernel_vmap_write", VmapWrite),
        new("segments", Segments),
        new("device_read", DeviceRead),
        new("device_write", DeviceWrite),
        new("dma_buf_sync", Sync),
    ];

    private static GuestCase Of(ReplayCase c) => GuestCase.Of(c);

    private static Dictionary<int, Imported> Attachments(ReplayCase c) => c.State<Dictionary<int, Imported>>();

    private static Imported Find(ReplayCase c, Record record) => Attachments(c)[(int)record.In.Number("att")];

    private static Imported Take(ReplayCase c, Record record)
    {
        Attachments(c).Remove((int)record.In.Number("att"), out Imported? attachment);
        return attachment!;
    }

    private static void Attach(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        string device = string.Create(CultureInfo.InvariantCulture, $"oracle-imp.{record.In.Number("device")}");
        ulong mask = ulong.MaxValue >> (64 - (int)record.In.Number("dma_mask_bits"));

        // Registering it twice in a case is refused; the first is still there then.
        _ = g.Guest.Devices.Register(g.Process, new DeviceSpec { Name = device, Mediated = true, DmaMask = mask });
        Result<ImportedBuffer> made = g.Guest.Importers.Attach(g.Process, g.Fd(record.In.Text("fd")), device);
        answers.SetResult(made.Failure);
        if (made.Ok)
        {
            Attachments(c)[(int)record.In.Number("att")] = new Imported(made.Value.Attachment, device);
        }
    }

    private static void Map(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        Imported attachment = Find(c, record);
        answers.Set("swiotlb_used_before", g.World.Used);
        Result<DmaMapping> map = g.Guest.Importers.Map(g.Process, attachment.Id, DmaWorld.DirectionOf(record.In.Text("dir")), 0);
        answers.SetResult(map.Failure);
        answers.Set("swiotlb_used_after", g.World.Used);
        if (!map.Ok)
        {
            return;
        }

        attachment.Mapping = map.Value;
        answers.Set("nents", (long)map.Value.Count);
        answers.Set("orig_nents", (long)map.Value.Count);
        SwiotlbPool? pool = g.Guest.Dma.DefaultPool;
        answers.Set("bounced_segs", (long)Enumerable.Range(0, map.Value.Count).Count(i => pool?.Contains(map.Value.AddressOf(i)) == true));
    }

    private static void Unmap(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        answers.SetResult(g.Guest.Importers.Unmap(g.Process, Find(c, record).Id));
        answers.Set("swiotlb_used_after", g.World.Used);
    }

    // The recorder closes its fd, without a step of its own, once nothing is attached any more.
    private static void LiveBuffers(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        if (Attachments(c).Count == 0)
        {
            g.CloseEverything();
        }

        answers.Set("objects", (long)g.Guest.Buffers.Live);
    }

    private static void KernelAccess(ReplayCase c, Record record, Answers answers, bool end)
    {
        GuestCase g = Of(c);
        DmaDirection direction = DmaWorld.DirectionOf(record.In.Text("dir"));
        int fd = g.Fd(record.In.Text("fd"));
        answers.SetResult((end
            ? g.Guest.Importers.EndCpuAccess(g.Process, fd, direction)
            : g.Guest.Importers.BeginCpuAccess(g.Process, fd, direction)).Failure);
    }

    private static void VmapRead(ReplayCase c, Record record, Answers answers)
    {
        byte[] bytes = new byte[record.In.Number("len")];
        answers.SetResult(Of(c).Guest.Importers.VmapRead(Of(c).Process, LastFd(c), record.In.Number("off"), bytes));
        answers.SetRaw("runs", FlatMemory.Runs(bytes, RunsShown));
        answers.Set("is_iomem", 0L);
    }

    private static void VmapWrite(ReplayCase c, Record record, Answers answers)
    {
        byte[] bytes = new byte[record.In.Number("len")];
        bytes.AsSpan().Fill(record.In.Byte("byte"));
        answers.SetResult(Of(c).Guest.Importers.VmapWrite(Of(c).Process, LastFd(c), record.In.Number("off"), bytes));
    }

    private static int LastFd(ReplayCase c) => Of(c).Fd(Of(c).LastBuffer!);

    private static void Segments(ReplayCase c, Record record, Answers answers)
    {
        DmaMapping mapping = Find(c, record).Mapping!.Value;
        IEnumerable<ulong> lengths = Enumerable.Range(0, mapping.Count).Take((int)record.In.Number("cap")).Select(mapping.LengthOf);
        answers.SetRaw("lens", $"[{string.Join(',', lengths)}]");
    }

    private static void DeviceRead(ReplayCase c, Record record, Answers answers)
    {
        byte[] bytes = new byte[record.In.Number("len")];
        Failure? failure = Access(c, record, (device, address, from, length) =>
            Of(c).Guest.Devices.DmaRead(Of(c).Process, device, address, bytes.AsSpan(from, length)));
        answers.SetResult(failure);
        answers.SetRaw("runs", FlatMemory.Runs(bytes, RunsShown));
    }

    private static void DeviceWrite(ReplayCase c, Record record, Answers answers)
    {
        byte[] bytes = new byte[record.In.Number("len")];
        bytes.AsSpan().Fill(record.In.Byte("byte"));
        answers.SetResult(Access(c, record, (device, address, from, length) =>
            Of(c).Guest.Devices.DmaWrite(Of(c).Process, device, address, bytes.AsSpan(from, length))));
    }

    // Walks the segments that a range of the buffer lies in.
    private static Failure? Access(ReplayCase c, Record record, Func<string, ulong, int, int, Failure?> one)
    {
        Imported attachment = Find(c, record);
        DmaMapping mapping = attachment.Mapping!.Value;
        ulong offset = record.In.Number("off");
        int length = (int)record.In.Number("len");
        int done = 0;
        ulong start = 0;
        for (int i = 0; i < mapping.Count && done < length; start += mapping.LengthOf(i), i++)
        {
            while (offset < start + mapping.LengthOf(i) && done < length)
            {
                ulong inside = offset - start;
                int part = (int)Math.Min(Math.Min((ulong)(length - done), mapping.LengthOf(i) - inside), MostBytesPerCall);
                if (one(attachment.Device, mapping.AddressOf(i) + inside, done, part) is { } failure)
                {
                    return failure;
                }

                offset += (ulong)part;
                done += part;
            }
        }

        return null;
    }

    private static void Sync(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        answers.SetResult(g.Guest.Importers.Sync(g.Process, g.Fd(record.In.Text("fd")), record.In.Number("flags")).Failure);
    }

    private sealed record Imported(ulong Id, string Device)
    {
        public DmaMapping? Mapping { get; set; }
    }
}
