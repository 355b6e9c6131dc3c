using System.Globalization;
using System.Text.Json;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>memfds and udmabufs: family udmabuf, and the udmabufs of other families.</summary>
internal static class UdmabufOps
{
    private const string DefaultMemfd = "memfd";
    private const string DefaultLabel = "u";

    /// <summary>Seals by name.</summary>
    internal static readonly Dictionary<string, FileSeals> SealWords = new(StringComparer.Ordinal)
    {
        ["F_SEAL_SEAL"] = FileSeals.Seal,
        ["F_SEAL_SHRINK"] = FileSeals.Shrink,
        ["F_SEAL_GROW"] = FileSeals.Grow,
        ["F_SEAL_WRITE"] = FileSeals.Write,
        ["F_SEAL_FUTURE_WRITE"] = FileSeals.FutureWrite,
        ["F_SEAL_EXEC"] = FileSeals.Exec,
    };

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("udmabuf_create", Create),
        new("udmabuf_create_list", CreateList),
        new("udmabuf_ioctl_raw", Raw),
        new("ftruncate_memfd", Truncate),
        new("punch_hole_memfd", (c, r, a) => a.SetResult(Of(c).Guest.Memfds.PunchHole(
            Of(c).Process, Memfd(c, DefaultMemfd), r.In.Number("offset"), r.In.Number("len")))),
        new("udmabuf/fcntl_add_seals", AddSeals),
        new("udmabuf/mmap", Mmap),
        new("udmabuf/mem_read", Read),
        new("udmabuf/read", ReadFile),
        new("memfd_saw", MemfdSaw),
        new("memfd", NewMemfd),
    ];

    private static void ReadFile(ReplayCase c, Record record, Answers answers)
    {
        string name = record.In.Text("fd");
        int fd = name == "udmabuf_dev" ? Memfd(c, name) : Of(c).Fd(name);
        Result<long> read = Of(c).Guest.Files.Call(Of(c).Process, fd, CocoGuest.Machine.Files.FileCall.Read);
        answers.SetResult(read.Failure);
        if (read.Ok)
        {
            answers.Set("rc", read.Value);
        }
    }

    private static GuestCase Of(ReplayCase c) => GuestCase.Of(c);

    private static Memfds State(ReplayCase c) => c.State<Memfds>();

    private static void Must(Failure? failure)
    {
        if (failure is not null)
        {
            throw new InvalidOperationException(failure.Sentence);
        }
    }

    // What an earlier step made, or a file that no step did.
    private static int Memfd(ReplayCase c, string name) => Of(c).Fd(name) is >= 0 and var fd ? fd : NamedFiles.Fd(c, name);

    // Which seals the file got is told by the answer alone.
    private static void NewMemfd(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        int fd = g.Guest.Memfds.Create(g.Process, record.In.Flag("allow_sealing")).Value;
        Must(g.Guest.Memfds.Truncate(g.Process, fd, record.In.Number("size")));
        _ = g.Guest.Memfds.AddSeals(g.Process, fd, (FileSeals)answers.Told("seals"));
        answers.Set("seals", (long)g.Guest.Memfds.GetSeals(g.Process, fd).Value);
        NamedFiles.Name(c, DefaultMemfd, fd);
    }

    private static void Create(ReplayCase c, Record record, Answers answers)
    {
        var item = new UdmabufItem(
            Memfd(c, record.In.Text("memfd", DefaultMemfd)), record.In.Number("offset", 0), record.In.Number("size"));
        BufferHandle? made = Finish(c, answers, Of(c).Guest.Udmabufs.Create(Of(c).Process, (uint)record.In.Number("flags", 0), [item]));
        if (made is { } buffer)
        {
            State(c).Items = [item];
            NamedMaps.AnswerFd(Of(c), answers, buffer);
            answers.Set("seek_end", buffer.Size);
        }
    }

    private static BufferHandle? Finish(ReplayCase c, Answers answers, Result<BufferHandle> made)
    {
        answers.SetResult(made.Failure);
        if (!made.Ok)
        {
            return null;
        }

        // Each buffer replaces the one before, which the recorder closed without a step.
        GuestCase g = Of(c);
        if (State(c).Label is { } last && g.Fd(last) is var old && old >= 0)
        {
            Must(g.Guest.Files.Close(g.Process, old));
        }

        State(c).Label = answers.Label(DefaultLabel);
        g.Name(State(c).Label!, made.Value.Fd);
        return made.Value;
    }

    // A list of equal items, of named ones, or of two of which the second has something wrong.
    private static void CreateList(ReplayCase c, Record record, Answers answers)
    {
        List<UdmabufItem> items = [];
        if (record.In.TryGetProperty("items", out JsonElement list))
        {
            items.AddRange(list.EnumerateArray()
                .Select(i => new UdmabufItem(Memfd(c, i[0].GetString()!), i[1].GetUInt64(), i[2].GetUInt64())));
        }
        else if (record.In.Has("count"))
        {
            var item = new UdmabufItem(Memfd(c, DefaultMemfd), 0, record.In.Number("item_size"));
            items.AddRange(Enumerable.Repeat(item, (int)record.In.Number("count")));
        }
        else
        {
            int memfd = Memfd(c, DefaultMemfd);
            items.Add(new UdmabufItem(memfd, 0, 4096));
            items.Add(new UdmabufItem((int)record.In.Signed("second_item_fd", memfd), 0, record.In.Number("second_item_size", 4096)));
        }

        byte[] argument = Bytes(items, (uint)record.In.Number("second_item_pad", 0));
        BufferHandle? made = Finish(c, answers, Of(c).Guest.Udmabufs.Ioctl(
            Of(c).Process, Memfd(c, "udmabuf_dev"), GuestUdmabufs.CreateListCommand, argument));
        if (made is { } buffer)
        {
            State(c).Items = items;
            answers.Set("size", buffer.Size);
        }
    }

    private static byte[] Bytes(List<UdmabufItem> items, uint lastPad)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(0u);
        writer.Write((uint)items.Count);
        for (int i = 0; i < items.Count; i++)
        {
            writer.Write(items[i].Memfd);
            writer.Write(i == items.Count - 1 ? lastPad : 0);
            writer.Write(items[i].Offset);
            writer.Write(items[i].Size);
        }

        return stream.ToArray();
    }

    // "nr0x41": a command of the same type and size with another number.
    private static void Raw(ReplayCase c, Record record, Answers answers)
    {
        string word = record.In.Text("cmd");
        uint command = word switch
        {
            "CREATE" => GuestUdmabufs.CreateCommand,
            "CREATE_LIST" => GuestUdmabufs.CreateListCommand,
            _ => (GuestUdmabufs.CreateCommand & ~0xffu) | Convert.ToUInt32(word["nr0x".Length..], 16),
        };
        ReadOnlyMemory<byte>? argument = record.In.Has("ptr") ? null : new byte[64];
        answers.SetResult(Of(c).Guest.Udmabufs.Ioctl(Of(c).Process, Memfd(c, "udmabuf_dev"), command, argument).Failure);
    }

    private static void Truncate(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        if (record.In.Flag("hugetlb"))
        {
            int fd = g.Guest.Memfds.Create(g.Process, allowSealing: true, hugePages: true).Value;
            answers.SetResult(g.Guest.Memfds.Truncate(g.Process, fd, record.In.Number("len")));
            Must(g.Guest.Memfds.AddSeals(g.Process, fd, FileSeals.Shrink));
            NamedFiles.Name(c, "hugetlb2M", fd);
            return;
        }

        answers.SetResult(g.Guest.Memfds.Truncate(g.Process, Memfd(c, DefaultMemfd), record.In.Number("len")));
    }

    private static void AddSeals(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        FileSeals seals = record.In.Text("seals").Split('|').Aggregate(FileSeals.None, (sum, word) => sum | SealWords[word]);
        answers.SetResult(g.Guest.Memfds.AddSeals(g.Process, Memfd(c, DefaultMemfd), seals));
        answers.Set("seals_now", (long)g.Guest.Memfds.GetSeals(g.Process, Memfd(c, DefaultMemfd)).Value);
    }

    private static void Mmap(ReplayCase c, Record record, Answers answers)
    {
        if (record.In.Text("fd") == "udmabuf_dev")
        {
            Of(c).Name("udmabuf_dev", Memfd(c, "udmabuf_dev"));
        }

        NamedMaps.Mmap(c, record, answers);
    }

    // Bytes that no step wrote: the recorder wrote them into the memfd before; marks stand for them.
    private static void Read(ReplayCase c, Record record, Answers answers)
    {
        if (record.In.TryGetProperty("offsets", out JsonElement offsets))
        {
            ulong[] places = [.. offsets.EnumerateArray().Select(o => o.GetUInt64())];
            for (int i = 0; i < places.Length; i++)
            {
                WriteMemfd(c, places[i]);
            }

            answers.SetRaw("bytes", $"[{string.Join(',', places.Select(place => $"\"{ReadBuffer(c, place):x2}\""))}]");
            return;
        }

        ulong offset = record.In.Number("offset");
        if (record.In.Text("map") == State(c).Label)
        {
            WriteMemfd(c, offset);
            answers.Set("byte", ReadBuffer(c, offset).ToString("x2", CultureInfo.InvariantCulture));
            return;
        }

        answers.Set("byte", ReadMemfd(c, record.In.Text("map"), offset));
    }

    // Once a byte: what is read again later has to be still there.
    private static void WriteMemfd(ReplayCase c, ulong offset)
    {
        if (!State(c).Written.Add(offset))
        {
            return;
        }

        foreach (UdmabufItem item in State(c).Items)
        {
            if (offset < item.Size)
            {
                _ = Of(c).Guest.Memfds.Write(Of(c).Process, item.Memfd, item.Offset + offset, [c.Marks.Next()]).Value;
                return;
            }

            offset -= item.Size;
        }
    }

    private static byte ReadBuffer(ReplayCase c, ulong offset) =>
        Of(c).Load((NamedMaps.Find(c, State(c).Label!) ?? throw new InvalidOperationException("not mapped")) + offset, 1)[0];

    // The recorder wrote the byte through the udmabuf before it looked.
    private static void MemfdSaw(ReplayCase c, Record record, Answers answers)
    {
        string name = record.In.Text("memfd", DefaultMemfd);
        ulong place = record.In.Number("offset");
        ulong start = 0;
        foreach (UdmabufItem item in State(c).Items)
        {
            if (item.Memfd == Memfd(c, name) && place >= item.Offset && place < item.Offset + item.Size)
            {
                ulong offset = start + place - item.Offset;
                State(c).Written.Add(offset);
                Of(c).Store(NamedMaps.Find(c, State(c).Label!)!.Value + offset, [c.Marks.Next()]);
            }

            start += item.Size;
        }

        answers.Set("byte", ReadMemfd(c, name, place));
    }

    private static string ReadMemfd(ReplayCase c, string name, ulong offset)
    {
        byte[] one = new byte[1];
        _ = Of(c).Guest.Memfds.Read(Of(c).Process, Memfd(c, name), offset, one).Value;
        return one[0].ToString("x2", CultureInfo.InvariantCulture);
    }

    private sealed class Memfds
    {
        /// <summary>What records call the udmabuf.</summary>
        public string? Label { get; set; }

        public IReadOnlyList<UdmabufItem> Items { get; set; } = [];

        public HashSet<ulong> Written { get; } = [];
    }
}
