using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>Calls on the mapping of a case: families mmap, mprotect, mapops, rdma.</summary>
internal static class RangeOps
{
    private const int PageBytes = 4096;

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("touch", Touch),
        new("mprotect", (c, r, a) => a.SetResult(
            Mappings(c).Mprotect(Process(c), Start(c), Length(c), MemoryOps.ProtectionOf(r.In.Text("prot"))))),
        new("madvise", (c, r, a) => a.SetResult(Mappings(c).Madvise(Process(c), Start(c), Length(c), r.In.Text("advice")))),
        new("msync", (c, r, a) => a.SetResult(
            Mappings(c).Msync(Process(c), Start(c), Length(c), r.In.Text("flags").Split('|').Contains("MS_SYNC")))),
        new("mlock", (c, r, a) => a.SetResult(Mappings(c).Mlock(Process(c), Start(c), Length(c)))),
        new("munlock", (c, r, a) => a.SetResult(Mappings(c).Mlock(Process(c), Start(c), Length(c)))),
        new("mincore", Mincore),
        new("mremap", Mremap),
        new("munmap", (c, r, a) => a.SetResult(
            Mappings(c).Munmap(Process(c), Start(c) + r.In.Number("offset", 0), r.In.Number("len", Length(c))))),
        new("munmap_all", (c, r, a) => a.SetResult(Mappings(c).Munmap(Process(c), Start(c), Length(c)))),
        new("smaps", Smaps),
        new("pagemap", Pagemap),
        new("process_vm_readv", (c, r, a) => Answer(a, Pins(c).Read(Process(c), Start(c), new byte[r.In.Number("len")]))),
        new("process_vm_writev", (c, r, a) => Answer(a, Pins(c).Write(Process(c), Start(c), new byte[r.In.Number("len")]))),
        new("vmsplice", (c, r, a) => Answer(a, Pins(c).Read(Process(c), Start(c), new byte[r.In.Number("len")]))),
        new("proc_self_mem_pread", (c, r, a) => Answer(a, Pins(c).ReadProcMem(Process(c), Start(c), new byte[r.In.Number("len")]))),
        new("proc_self_mem_pwrite", (c, r, a) => Answer(a, Pins(c).WriteProcMem(Process(c), Start(c), new byte[r.In.Number("len")]))),
        new("page_tags_match", PageTags),
        new("write_seen_through_shared", WriteSeen),
        new("zeroed", (c, r, a) => a.Set("all_zero", GuestCase.Of(c).IsZero(Start(c), Length(c)) ? 1L : 0L)),
    ];

    private static GuestMappings Mappings(ReplayCase c) => GuestCase.Of(c).Guest.Mappings;

    private static GuestPins Pins(ReplayCase c) => GuestCase.Of(c).Guest.Pins;

    private static void Answer(Answers answers, Result<int> moved)
    {
        answers.SetResult(moved.Failure);
        if (moved.Ok)
        {
            answers.Set("rc", (long)moved.Value);
        }
    }

    private static GuestProcess Process(ReplayCase c) => GuestCase.Of(c).Process;

    private static ulong Start(ReplayCase c) => GuestCase.Of(c).UserMapping();

    private static ulong Length(ReplayCase c)
    {
        _ = Start(c);
        return GuestCase.Of(c).Mapping!.Value.Length;
    }

    private static void Touch(ReplayCase c, Record record, Answers answers) =>
        answers.Set(
            "result",
            Mappings(c).Touch(Process(c), Start(c) + record.In.Number("offset", 0), record.In.Text("rw", "r") == "w").ToString());

    private static void Mincore(ReplayCase c, Record record, Answers answers)
    {
        Result<bool[]> resident = Mappings(c).Mincore(Process(c), Start(c), Length(c));
        answers.SetResult(resident.Failure);
        answers.SetRaw("vec", resident.Ok ? $"[{string.Join(',', resident.Value.Select(r => r ? 1 : 0))}]" : "[]");
    }

    // MREMAP_FIXED goes to a place of the recorder's choice: here, right above the bottom of the address space.
    private static void Mremap(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        string[] flags = record.In.Text("flags", "").Split('|');
        ulong? target = flags.Contains("FIXED") ? AddressSpace.Bottom : null;
        ulong size = record.In.Number("new");
        Result<ulong> moved = g.Guest.Mappings.Mremap(
            g.Process, Start(c), record.In.Number("old"), size, flags.Contains("MAYMOVE"), target);
        answers.SetResult(moved.Failure);
        if (moved.Ok)
        {
            g.Mapping = (moved.Value, size);
        }
    }

    private static void Smaps(ReplayCase c, Record record, Answers answers)
    {
        SmapsEntry entry = Mappings(c).Smaps(Process(c), Start(c)).Value;
        answers.Set("perms", entry.Permissions);
        if (entry.Permissions.Contains('w', StringComparison.Ordinal) && !c.Has("dma_buf_set_name"))
        {
            answers.LeaveOut("name");
        }

        answers.Set("name", entry.Name);
        answers.Set("vmflags", entry.VmFlags);
        answers.Set("rss_kb", entry.ResidentKilobytes);
    }

    private static void Pagemap(ReplayCase c, Record record, Answers answers)
    {
        ulong[] entries = Mappings(c).Pagemap(Process(c), Start(c), record.In.Number("pages")).Value;
        answers.Set("rc", (long)entries.Length * sizeof(ulong));
        answers.Set("entries_all_zero", entries.All(e => e == 0) ? 1L : 0L);
    }

    private static void Pin(ReplayCase c, Record record, Answers answers, bool write)
    {
        var g = GuestCase.Of(c);
        Result<UserPin> pin = g.Guest.Pins.Pin(g.Process, Start(c), record.In.Number("len"), write);
        answers.SetResult(pin.Failure);
    }

    private static string ByteSeenBy(ReplayCase c, GuestProcess process, Record record)
    {
        byte[] bytes = new byte[1];
        Failure? failure = Mappings(c).Load(process, Start(c) + record.In.Number("offset", 0), bytes);
        return failure is null ? Convert.ToHexStringLower(bytes) : failure.Sentence;
    }

    private static GuestProcess Child(ReplayCase c) =>
        c.State<Family>().Child ??= GuestCase.Of(c).Guest.Processes.Fork(Process(c)).Value;

    // Each page of the buffer carries its index, written through a mapping of the whole.
    private static void PageTags(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        ulong whole = MapWhole(g, out ulong size);
        for (ulong page = 0; page < size / PageBytes; page++)
        {
            g.Store(whole + (page * PageBytes), BitConverter.GetBytes(page));
        }

        ulong first = record.In.Number("offset") / PageBytes;
        bool match = Enumerable.Range(0, (int)(Length(c) / PageBytes)).All(i =>
            BitConverter.ToUInt64(g.Load(Start(c) + ((ulong)i * PageBytes), sizeof(ulong))) == first + (ulong)i);
        _ = g.Guest.Mappings.Munmap(g.Process, whole);
        answers.Set("ok", match ? 1L : 0L);
    }

    private static void WriteSeen(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        ulong whole = MapWhole(g, out _);
        const ulong Mark = 0x5a5a_a5a5_0f0f_f0f0;
        g.Store(Start(c), BitConverter.GetBytes(Mark));
        bool seen = BitConverter.ToUInt64(g.Load(whole + g.MappingOffset, sizeof(ulong))) == Mark;
        _ = g.Guest.Mappings.Munmap(g.Process, whole);
        answers.Set("seen", seen ? 1L : 0L);
    }

    private static ulong MapWhole(GuestCase g, out ulong size)
    {
        MmapResult map = g.Guest.Mappings.Mmap(
            g.Process, g.Fd(g.LastBuffer!), 0, null, MapProtection.Read | MapProtection.Write, MapFlags.Shared).Value;
        size = map.Length;
        return map.Address;
    }

    private sealed class Family
    {
        public GuestProcess? Child { get; set; }
    }
}
