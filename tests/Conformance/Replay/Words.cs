using System.Collections.Frozen;
using System.Text.Json;
using System.Text.RegularExpressions;
using CocoGuest.Tests.Replay.Ops;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// The words of the recordings by kind: what a handler understands. Where a handler has a table of its own, its keys are the words. A word
/// that is not here is not modelled (<see cref="UnknownWord"/>), so no handler has to guess.
/// </summary>
internal static partial class Words
{
    /// <summary>The kind of fields that may be any text.</summary>
    public const string Any = "text";

    /// <summary>The kind of numbers: JSON numbers, decimal or hex text, booleans.</summary>
    public const string Number = "number";

    /// <summary>One kind.</summary>
    /// <param name="Sort">What reports call a word of it.</param>
    /// <param name="Knows">Whether a word is known, in the case and at the record.</param>
    /// <param name="Joined">Several words, joined by bars.</param>
    private sealed record Kind(string Sort, Func<ReplayCase, Record, string, bool> Knows, bool Joined = false);

    private static readonly FrozenDictionary<string, Kind> Kinds = new Dictionary<string, Kind>(StringComparer.Ordinal)
    {
        [Any] = new("text", (_, _, _) => true),
        [Number] = new("number", (_, _, text) => NumberForm().IsMatch(text)),
        ["hex"] = new("byte", (_, _, text) => ByteForm().IsMatch(text)),
        ["octal"] = new("mode", (_, _, text) => text.Length > 0 && !text.AsSpan().ContainsAnyExceptInRange('0', '7')),
        ["pattern"] = new("byte", (_, _, text) => text.EndsWith("+i", StringComparison.Ordinal) && ByteForm().IsMatch(text[..^2])),

        ["open"] = new("flag", (_, _, text) => HeapCommandOps.FlagWords.ContainsKey(text) || HexForm().IsMatch(text), Joined: true),
        ["mapping"] = new("flag", In(MemoryOps.MapFlagWords.Keys)),
        ["protection"] = new("flag", In("NONE", "R", "W", "X", "RW", "RX", "WX", "RWX")),
        ["msync"] = new("flag", In("MS_SYNC", "MS_ASYNC", "MS_INVALIDATE"), Joined: true),
        ["mremap"] = new("flag", In("0", "MAYMOVE", "FIXED"), Joined: true),
        ["seals"] = new("flag", (_, _, text) => UdmabufOps.SealWords.ContainsKey(text) || NumberForm().IsMatch(text), Joined: true),
        ["message"] = new("flag", In("0", "MSG_CMSG_CLOEXEC")),
        ["prime"] = new("flag", In("DRM_RDWR")),
        ["right"] = new("flag", In("r", "w")),

        ["pointer"] = new("pointer", (_, r, text) => r.Op == "heap_alloc_ptr"
            ? HeapCommandOps.PointerWords.ContainsKey(text)
            : HeapCommandOps.BadPointers.ContainsKey(text)),

        ["command_direction"] = new("command", In("NONE", "R", "W", "RW")),
        ["command_letter"] = new("command", (_, _, text) => text.Length == 1 || HexForm().IsMatch(text)),
        ["buffer_command"] = new("command", In(FileOps.CommandWords.Keys)),
        ["udmabuf_command"] = new("command", (_, _, text) => text is "CREATE" or "CREATE_LIST" || CommandNumberForm().IsMatch(text)),
        ["name_command"] = new("command", In("A(u32)", "B(u64)", "size16")),
        ["failing_ioctl"] = new("command", In("set_name", "sync", "export_sync_file")),
        ["lock"] = new("command", In(FileOps.LockWords.Keys)),
        ["lease"] = new("command", In("F_RDLCK")),
        ["flock"] = new("command", In("LOCK_SH", "LOCK_EX", "LOCK_UN", "LOCK_NB"), Joined: true),
        ["advice"] = new("advice", In(
            "NORMAL", "RANDOM", "SEQUENTIAL", "WILLNEED", "DONTNEED", "FREE", "REMOVE", "DONTFORK", "DOFORK", "MERGEABLE", "UNMERGEABLE",
            "HUGEPAGE", "NOHUGEPAGE", "DONTDUMP", "DODUMP", "WIPEONFORK", "KEEPONFORK", "COLD", "PAGEOUT", "POPULATE_READ",
            "POPULATE_WRITE", "DONTNEED_LOCKED")),
        ["direction"] = new("direction", In("BIDIRECTIONAL", "TO_DEVICE", "FROM_DEVICE")),
        ["range"] = new("range", In("full")),
        ["source"] = new("source", In("bufinfo")),
        ["rdma_device"] = new("device", In("rxe")),

        ["moment"] = new("moment", In("end", "alloc", "mmap", "munmap", "before close", "after close", "close_while_mapped")),
        ["failing"] = new("moment", (_, _, text) => text is "none" or "all" or "all chunks" or "first chunk" || CallForm().IsMatch(text)),
        ["bufinfo_moment"] = new("moment", (_, _, text) => InfoOps.Moments.Contains(text)
            || text.StartsWith(InfoOps.NamingMoment, StringComparison.Ordinal)),
        ["read_moment"] = new("moment", In("punch_hole", "memfd closed")),
        ["sequence"] = new("command", (_, _, text) => text.Split(", ").All(part => SequenceForm().IsMatch(part))),

        ["fd"] = new("file", KnowsFd),
        ["map"] = new("mapping", (c, r, text) => text is "m" or "memfd" || NumberedMaps.IsName(text) || KnowsFd(c, r, text)),
        ["memfd"] = new("file", (c, r, text) => NamedFiles.KnowsMemfd(text) || KnowsFd(c, r, text)),
        ["sync_fd"] = new("file", (c, r, text) => SyncFileOps.KnowsFence(text) || KnowsFd(c, r, text)),
        ["timeline"] = new("timeline", (_, _, text) => NumberForm().IsMatch(text) || SyncFileOps.KnowsFence(text)),
        ["user_memory"] = new("memory", In(RdmaOps.UserMemory.Keys)),
        ["region_memory"] = new("memory", In("heap", "vgem_export", "udmabuf", "memfd", "bad_fd")),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The first word of a field that is not known, as reports name it; null: all are.</summary>
    public static string? UnknownIn(ReplayCase c, Record record, string kind, JsonElement value) => (kind, value.ValueKind) switch
    {
        (Any, _) or (_, JsonValueKind.Null) => null,
        ("numbers", JsonValueKind.Array) => First(value.EnumerateArray(), item => UnknownIn(c, record, Number, item)),
        ("items", JsonValueKind.Array) => First(value.EnumerateArray(), item => UnknownItem(c, record, item)),
        ("pokes", JsonValueKind.Object) => First(value.EnumerateObject(), poke =>
            OfKind(c, record, Number, poke.Name) ?? UnknownIn(c, record, "hex", poke.Value)),
        (_, JsonValueKind.Array or JsonValueKind.Object) => $"value '{value.GetRawText()}'",
        (_, JsonValueKind.String) => OfKind(c, record, kind, value.GetString()!),
        (Number or "seals" or "timeline", _) => null,
        _ => OfKind(c, record, kind, value.GetRawText()),
    };

    // A memfd by name, offset and size.
    private static string? UnknownItem(ReplayCase c, Record record, JsonElement item) =>
        item.ValueKind != JsonValueKind.Array || item.GetArrayLength() != 3
            ? $"value '{item.GetRawText()}'"
            : UnknownIn(c, record, "memfd", item[0]) ?? UnknownIn(c, record, Number, item[1]) ?? UnknownIn(c, record, Number, item[2]);

    private static string? OfKind(ReplayCase c, Record record, string kind, string text)
    {
        if (!Kinds.TryGetValue(kind, out Kind? row))
        {
            return $"value '{text}'";
        }

        string? word = (row.Joined ? text.Split('|') : [text]).FirstOrDefault(part => !row.Knows(c, record, part));
        return word is null ? null : $"{row.Sort} '{word}'";
    }

    private static string? First<T>(IEnumerable<T> items, Func<T, string?> unknown) =>
        items.Select(unknown).FirstOrDefault(word => word is not null);

    // What an earlier step made, a copy of it, and what is open in a case without a step.
    private static bool KnowsFd(ReplayCase c, Record record, string name) =>
        name.StartsWith("dup(", StringComparison.Ordinal) && name.EndsWith(')') ? KnowsFd(c, record, name[4..^1])
        : NamedFiles.Knows(name) || c.Records.TakeWhile(r => !ReferenceEquals(r, record)).Any(r => r.Out.Text("fd", "") == name);

    private static Func<ReplayCase, Record, string, bool> In(params IEnumerable<string> words)
    {
        var known = words.ToFrozenSet(StringComparer.Ordinal);
        return (_, _, text) => known.Contains(text);
    }

    [GeneratedRegex("^(?:-?[0-9]{1,19}|1[0-9]{19}|0x[0-9a-fA-F]{1,16})$")]
    private static partial Regex NumberForm();

    [GeneratedRegex("^0x[0-9a-fA-F]{1,8}$")]
    private static partial Regex HexForm();

    [GeneratedRegex("^(?:0x)?[0-9a-fA-F]{1,2}$")]
    private static partial Regex ByteForm();

    [GeneratedRegex("^nr0x[0-9a-fA-F]{1,2}$")]
    private static partial Regex CommandNumberForm();

    [GeneratedRegex("^call [1-9][0-9]{0,8}$")]
    private static partial Regex CallForm();

    [GeneratedRegex(@"^(?:attach|map|unmap|detach|alloc 0x[0-9a-f]+|prime import|gem_close|SYNC (?:START|END)\|(?:READ|WRITE|RW)"
        + @"|dma_map_phys size [0-9]+ mask [0-9]+|sync for cpu|sync for device \(not MMIO\)|dma_unmap_phys)$")]
    private static partial Regex SequenceForm();
}
