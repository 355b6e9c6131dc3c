using System.Numerics;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Files;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>DRM nodes: dumb buffers and PRIME. Family vgem, and the imports of swiotlb, udmabuf, cc_import, physlayout.</summary>
internal static class DrmOps
{
    private const string OwnBuffer = "a";

    // Behind the first page of a segment, and at its start: blocks of a buffer are powers of two, so they fit in as well as can or do not.
    private static readonly uint[] SearchStarts = [2, 0];

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("get_cap", GetCap),
        new("create_dumb", CreateDumb),
        new("map_dumb", MapDumb),
        new("mmap_drm", MmapNode),
        new("gem_close", CloseHandle),
        new("close_drm_client", (c, _, _) => Must(Clients(c).CloseNewest(Of(c)))),
        new("prime_fd_to_handle", Import),
        new("prime_handle_to_fd", Export),
        new("reexport_accmode", (c, _, a) => a.Set("accmode", (long)Of(c).Process.Fds.Find(State(c).Exported[^1])!.Access)),
        new("same_handle_on_reimport", AnswerSameHandle),
        new("same_handle_via_dup", AnswerSameHandle),
        new("self_import_same_handle", AnswerSameHandle),
        new("second_export_same_dmabuf",
            (c, _, a) => a.Set("same_ino", SameFile(c, State(c).Exported[^1], State(c).Exported[^2]) ? 1L : 0L)),
        new("reexport_is_same_dmabuf", Reexported),
        new("prime_import_traced", ImportTraced),
        new("import_until_fail", ImportUntilFail),
        new("vgem_fence_attach", AttachFence),
        new("vgem_fence_signal", (c, r, a) => a.SetResult(Guest(c).Drm.SignalFence(Of(c).Process, Node(c), (uint)r.In.Number("fence")))),
        new("vgem/live_buffers", LiveBuffers),
        new("vgem/mmap", (c, r, a) => NamedMaps.Mmap(c, r, a)),
        new("vgem/mem_read", Read),
    ];

    private static GuestCase Of(ReplayCase c) => GuestCase.Of(c);

    private static CocoGuest.Machine.Guest Guest(ReplayCase c) => Of(c).Guest;

    private static DrmClients Clients(ReplayCase c) => c.State<DrmClients>();

    private static Prime State(ReplayCase c) => c.State<Prime>();

    private static uint Handle(Record record) => (uint)record.In.Number("handle");

    private static int Node(ReplayCase c) => Clients(c).Current(Of(c)).Fd;

    // The recorder closed what it exported from an imported object, without a step, before it closed the handle.
    private static void CloseHandle(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        int node = Clients(c).ForClose(g, Handle(record)).Fd;
        if (g.Guest.Drm.Find(g.Process, node, "replay").Value.Find(Handle(record)) is { Import: not null })
        {
            foreach (int fd in State(c).Exported)
            {
                _ = g.Guest.Files.Close(g.Process, fd);
            }

            State(c).Exported.Clear();
        }

        answers.SetResult(g.Guest.Drm.GemClose(g.Process, node, Handle(record)));
    }

    /// <summary>Closes the newest handle.</summary>
    public static void CloseNewestHandle(ReplayCase c) => Must(Guest(c).Drm.GemClose(Of(c).Process, Node(c), State(c).Handles[^1]));

    private static void GetCap(ReplayCase c, Record record, Answers answers)
    {
        Result<ulong> value = Guest(c).Drm.GetCap(Of(c).Process, Node(c), record.In.Number("cap"));
        answers.SetResult(value.Failure);
        answers.Set("value", value.Ok ? value.Value : 0);
    }

    private static void CreateDumb(ReplayCase c, Record record, Answers answers)
    {
        Result<DumbBuffer> made = Guest(c).Drm.CreateDumb(
            Of(c).Process, Node(c), (uint)record.In.Number("width"), (uint)record.In.Number("height"), (uint)record.In.Number("bpp"));
        answers.SetResult(made.Failure);
        if (made.Ok)
        {
            State(c).Handles.Add(made.Value.Handle);
            answers.Set("handle", (ulong)made.Value.Handle);
            answers.Set("pitch", (ulong)made.Value.Pitch);
            answers.Set("size", made.Value.Size);
        }
    }

    private static void MapDumb(ReplayCase c, Record record, Answers answers)
    {
        Result<ulong> offset = Guest(c).Drm.MapDumb(Of(c).Process, Node(c), Handle(record));
        answers.SetResult(offset.Failure);
        State(c).Offset = offset.Ok ? offset.Value : 0;
    }

    private static void MmapNode(ReplayCase c, Record record, Answers answers) => NamedMaps.Add(
        c, answers, NamedMaps.Node, Guest(c).Mappings.Mmap(
            Of(c).Process, Node(c), State(c).Offset, record.In.Number("len"),
            CocoGuest.Machine.Abi.MapProtection.Read | CocoGuest.Machine.Abi.MapProtection.Write,
            CocoGuest.Machine.Abi.MapFlags.Shared));

    // The last step of a case looks whether anything is left once everything is closed.
    private static void LiveBuffers(ReplayCase c, Record record, Answers answers)
    {
        if (ReferenceEquals(c.Records[^1], record))
        {
            Of(c).CloseEverything();
        }

        answers.Set("objects", (long)Guest(c).Buffers.Live);
    }

    private static void Import(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        string name = record.In.Text("fd", OwnBuffer);
        int fd = record.In.Has("heap") ? Allocate(g, record)
            : name.StartsWith("dup(", StringComparison.Ordinal) ? Dup(g, g.Fd(name[4..^1]))
            : NamedFiles.FdOrNone(c, name);
        Result<uint> handle = g.Guest.Drm.FdToHandle(g.Process, Clients(c).ForImport(g, c, record, State(c).Exported.Contains(fd)).Fd, fd);
        answers.SetResult(handle.Failure);
        if (handle.Ok)
        {
            State(c).Handles.Add(handle.Value);
            State(c).Imported ??= name;
            answers.Set("handle", (ulong)handle.Value);
        }

        if (name.StartsWith("dup(", StringComparison.Ordinal))
        {
            // The copy was made for this step only.
            Must(g.Guest.Files.Close(g.Process, fd));
        }
    }

    // The step allocates what it imports.
    private static int Allocate(GuestCase g, Record record)
    {
        int fd = g.Guest.Heaps.Allocate(
            g.Process, record.In.Text("heap"), record.In.Number("len"), OpenFlags.ReadWrite, record.In.Number("heap_flags", 0)).Value.Fd;
        g.Name(OwnBuffer, fd);
        return fd;
    }

    private static int Dup(GuestCase g, int fd) => GuestFiles.Install(g.Process, g.Process.Fds.Find(fd)!, closeOnExec: false, "dup").Value;

    private static void Export(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        uint flags = (uint)record.In.Number("flags");
        Result<BufferHandle> made = g.Guest.Drm.HandleToFd(g.Process, Node(c), Handle(record), flags);
        answers.SetResult(made.Failure);
        if (!made.Ok)
        {
            return;
        }

        g.Name(answers.Label("e"), made.Value.Fd);
        State(c).Exported.Add(made.Value.Fd);
        NamedMaps.AnswerFd(g, answers, made.Value);
        answers.Set("size", made.Value.Size);
    }

    private static void AnswerSameHandle(ReplayCase c, Record record, Answers answers) =>
        answers.Set("same", State(c).Handles[^1] == State(c).Handles[^2] ? 1L : 0L);

    private static bool SameFile(ReplayCase c, int one, int other) =>
        ReferenceEquals(Of(c).Process.Fds.Find(one), Of(c).Process.Fds.Find(other));

    private static void Reexported(ReplayCase c, Record record, Answers answers)
    {
        int last = State(c).Exported[^1];
        int original = Of(c).Fd(State(c).Imported!);
        answers.Set("same_ino", SameFile(c, last, original) ? 1L : 0L);
        answers.Set("same_fdnum", last == original ? 1L : 0L);
    }

    // The recorder traced its own import: one event, whose chunks it then measured.
    private static void ImportTraced(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        Must(g.Guest.Trace.Set("dma:dma_map_sg", on: true));
        ulong first = g.Guest.Trace.Last() + 1;
        Result<uint> handle = g.Guest.Drm.FdToHandle(g.Process, Node(c), g.Fd(g.LastBuffer!));
        answers.SetResult(handle.Failure);
        string? line = g.Guest.Trace.Read(first, int.MaxValue, out _)
            .Where(e => e.Name == "dma_map_sg").Select(e => e.Text).FirstOrDefault();
        if (line is null)
        {
            answers.Set("event", null);
            return;
        }

        ulong[] sizes = NumbersIn(line, "sizes={");
        ulong[] places = NumbersIn(line, "phys_addrs={");
        answers.Set("chunks", (long)sizes.Length);
        answers.SetRaw("sizes", $"[{string.Join(',', sizes)}]");
        answers.Set("phys_seen", (long)places.Length);
        answers.Set(
            "phys_naturally_aligned",
            sizes.Zip(places).All(p => p.Second % BitOperations.RoundUpToPowerOf2(p.First) == 0) ? 1L : 0L);
    }

    private static void AttachFence(ReplayCase c, Record record, Answers answers)
    {
        Result<uint> fence = Guest(c).Drm.AttachFence(Of(c).Process, Node(c), Handle(record), (uint)record.In.Number("flags"));
        answers.SetResult(fence.Failure);
        answers.Set("out_fence", fence.Ok ? fence.Value : 0UL);
    }

    private static ulong[] NumbersIn(string line, string field)
    {
        string rest = line[(line.IndexOf(field, StringComparison.Ordinal) + field.Length)..];
        return [.. rest[..rest.IndexOf('}', StringComparison.Ordinal)].Split(',').Select(text => Convert.ToUInt64(text, 16))];
    }

    // Where the slot search starts decides how many fit, and is in no step: the record has to be what comes of some start. Conversions are
    // counted from before the last turn on.
    private static void ImportUntilFail(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        Filling asItIs = FillByImports(c, record);
        if (g.Guest.Dma.DefaultPool is not { } pool || asItIs.Used <= 0)
        {
            Answer(answers, asItIs);
            return;
        }

        answers.OneOf(SearchStarts.Select(start =>
        {
            for (uint area = 0; area < pool.Areas; area++)
            {
                pool.SetAreaHint(area, start);
            }

            g.CountFromHere();
            return FillByImports(c, record);
        }).Append(asItIs), Answer);
    }

    private static void Answer(Answers answers, Filling filling)
    {
        answers.Set("count", filling.Count);
        answers.Set("used", filling.Used);
        answers.Set("errno", filling.Failure?.Errno.ToString() ?? "none");
    }

    private static Filling FillByImports(ReplayCase c, Record record)
    {
        GuestCase g = Of(c);
        long count = 0;
        Failure? failure = null;
        while (failure is null && count < (long)record.In.Number("max"))
        {
            Result<BufferHandle> buffer = g.Guest.Heaps.Allocate(
                g.Process, record.In.Text("heap", "system"), record.In.Number("len"), 2, record.In.Number("heap_flags", 0));
            failure = buffer.Ok ? g.Guest.Drm.FdToHandle(g.Process, Node(c), buffer.Value.Fd).Failure : buffer.Failure;
            count += failure is null ? 1 : 0;
        }

        var filling = new Filling(count, g.World.Used, failure);
        Must(Clients(c).CloseNewest(g));
        g.CloseEverything();
        return filling;
    }

    // Where a case mapped the object through the node as well, the recorder wrote there and looked here.
    private static void Read(ReplayCase c, Record record, Answers answers) => NamedMaps.Read(c, record, answers);

    private static void Must(Failure? failure)
    {
        if (failure is not null)
        {
            throw new InvalidOperationException(failure.Sentence);
        }
    }

    private sealed record Filling(long Count, long Used, Failure? Failure);

    private sealed class Prime
    {
        public List<uint> Handles { get; } = [];

        public List<int> Exported { get; } = [];

        /// <summary>What records call the fd that was imported first.</summary>
        public string? Imported { get; set; }

        public ulong Offset { get; set; }
    }
}
