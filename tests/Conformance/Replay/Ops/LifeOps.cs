using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>
/// Lifetime of buffers over dup, fork, exec, exit and fds in messages: family life. What the recorder did without a step of its own (pokes,
/// sends, closes) is done with the step that it belongs to.
/// </summary>
internal static class LifeOps
{
    private const uint AccessModeBits = 3;
    private const uint PlainFd = OpenFlags.ReadWrite;
    private const ulong PageBytes = 4096;

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("dup", Dup),
        new("dupfd_cloexec", DupCloseOnExec),
        new("fdinfo_count", FdInfoCount),
        new("life/mem_read", MemRead),
        new("child_saw", ChildSaw),
        new("parent_saw", ParentSaw),
        new("sendmsg_scm_rights", Send),
        new("child_received", ChildReceived),
        new("received", Received),
        new("close_sockets_with_fd_in_flight", (c, _, _) => Must(Of(c).Guest.Files.Revoke(Of(c).Process, c.State<State>().Token!.Value))),
        new("life/live_buffers", LiveBuffers),
        new("child_killed_with_10_buffers", ChildKilled),
        new("fd_visible_after_exec", VisibleAfterExec),
        new("heap_fd_closed_buffer_lives",
            (c, _, a) => a.Set("seek_end", Of(c).Guest.Files.Lseek(Of(c).Process, Of(c).Fd(Of(c).LastBuffer!), 0, 2).Value)),
        new("inode_identity", InodeIdentity),
    ];

    private static GuestCase Of(ReplayCase c) => GuestCase.Of(c);

    private static void Dup(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        Result<int> fd = g.Guest.Files.Dup(g.Process, g.Fd(record.In.Text("fd")));
        answers.SetResult(fd.Failure);
        if (fd.Ok)
        {
            g.Name(answers.Label("b"), fd.Value);
            answers.Set("getfd", FileOps.Fcntl(g, fd.Value, FileOps.GetFd).Value);
        }
    }

    // The fd has no name; it was closed after the count that shows it.
    private static void DupCloseOnExec(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        int fd = (int)FileOps.Duplicate(g, g.Fd(record.In.Text("fd"))).Value;
        answers.Set("getfd", FileOps.Fcntl(g, fd, FileOps.GetFd).Value);
        c.State<State>().Third = fd;
    }

    // Where a case receives a fd that no step sent, it was sent before the first look at it.
    private static void FdInfoCount(ReplayCase c, Record record, Answers answers)
    {
        if (c.Has("received") && !c.Has("sendmsg_scm_rights") && c.State<State>().Token is null)
        {
            SendFd(c, Of(c).Fd(record.In.Text("fd")));
        }

        if (NumberedMaps.AreMeant(c) && NumberedMaps.Of(c).WereRead)
        {
            NumberedMaps.Of(c).UnmapNewest(Of(c));
        }

        answers.Set("count", InfoOps.Line(c, record, "count"));
        if (c.State<State>().Third is { } third)
        {
            Must(Of(c).Guest.Files.Close(Of(c).Process, third));
            c.State<State>().Third = null;
        }
    }

    // Between two equal reads the program wrote to the first byte. What is read byte by byte was written as in other families.
    private static void MemRead(ReplayCase c, Record record, Answers answers)
    {
        if (NumberedMaps.AreMeant(c) || !record.In.Has("len"))
        {
            MemoryOps.Read(c, record, answers);
            return;
        }

        GuestCase g = Of(c);
        if (c.State<State>().Reads++ > 0)
        {
            g.Fill(g.UserMapping(), 1, c.Marks.Next());
        }

        answers.SetRaw("runs", FlatMemory.Runs(g.Load(g.UserMapping(), record.In.Number("len")), 24));
    }

    private static void ChildSaw(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        g.Fill(g.UserMapping(), 1, c.Marks.Next());
        GuestProcess child = c.State<State>().Child = g.Guest.Processes.Fork(g.Process).Value;
        c.State<State>().ChildMapping = g.UserMapping();
        answers.Set("byte", ByteAt(g, child, g.UserMapping() + record.In.Number("offset")));
    }

    // The child writes and exits; then the parent unmaps and closes.
    private static void ParentSaw(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        State state = c.State<State>();
        ulong offset = record.In.Number("offset");
        Must(g.Guest.Mappings.Store(state.Child!, state.ChildMapping + offset, [record.In.Byte("child_wrote")]));
        answers.Set("byte", ByteAt(g, g.Process, g.UserMapping() + offset));
        Must(g.Guest.Processes.End(state.Child!));
        g.CloseEverything();
    }

    private static void Send(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        g.Fill(g.UserMapping(), PageBytes, c.Marks.Next());
        SendFd(c, g.Fd(record.In.Text("fd")));
        answers.Set("rc", 0L);
    }

    private static void ChildReceived(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        State state = c.State<State>();
        GuestProcess child = state.Child = g.Guest.Processes.Open("child").Value;
        int fd = g.Guest.Files.Import(child, state.Token!.Value, record.In.Flag("cloexec_requested")).Value;
        var nothing = new ArgumentMemory(0, Memory<byte>.Empty);
        answers.Set("fd_ok", 1L);
        answers.Set("getfd", g.Guest.Files.Fcntl(child, fd, FileOps.GetFd, 0, nothing).Value);
        answers.Set("getfl_accmode", g.Guest.Files.Fcntl(child, fd, FileOps.GetFlags, 0, nothing).Value & AccessModeBits);
        answers.Set("size", g.Guest.Files.Lseek(child, fd, 0, 2).Value);
        state.ChildMapping = g.Guest.Mappings.Mmap(child, fd, 0, null, null, MapFlags.Shared).Value.Address;
        answers.Set("byte0", ByteAt(g, child, state.ChildMapping));
        Must(g.Guest.Files.Close(child, fd));
        answers.Set("byte1_after_close", ByteAt(g, child, state.ChildMapping + 1));
    }

    // Received, looked at, closed.
    private static void Received(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        State state = c.State<State>();
        Result<int> fd = g.Guest.Files.Import(
            g.Process, state.Token!.Value, record.In.Text("flags", "").Contains("CLOEXEC", StringComparison.Ordinal));
        answers.Set("fd_ok", fd.Ok ? 1L : 0L);
        answers.Set("getfd", FileOps.Fcntl(g, fd.Value, FileOps.GetFd).Value);
        Must(g.Guest.Files.Close(g.Process, fd.Value));
        state.Received = true;
    }

    // After a fd was received and closed, the second look finds another buffer in flight whose fd was closed. Where several mappings
    // were told apart no step closes the buffer: it is closed before the last look.
    private static void LiveBuffers(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        State state = c.State<State>();
        if (state.Received && ++state.LooksSinceReceived == 2)
        {
            int fd = g.Guest.Heaps.Allocate(g.Process, "system", PageBytes, PlainFd, 0).Value.Fd;
            SendFd(c, fd);
            Must(g.Guest.Files.Close(g.Process, fd));
        }

        if (NumberedMaps.AreMeant(c) && ReferenceEquals(c.Records[^1], record) && !c.Has("close", "munmap_all"))
        {
            g.CloseEverything();
        }

        answers.Set("objects", (long)g.Guest.Buffers.Live);
    }

    private static void ChildKilled(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        GuestProcess child = g.Guest.Processes.Fork(g.Process).Value;
        for (int i = 0; i < 10; i++)
        {
            _ = g.Guest.Heaps.Allocate(child, "system", PageBytes, PlainFd, 0).Value;
        }

        Must(g.Guest.Processes.End(child));
    }

    private static void VisibleAfterExec(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        GuestProcess child = g.Guest.Processes.Fork(g.Process).Value;
        uint flags = PlainFd | (record.In.Flag("cloexec") ? OpenFlags.CloseOnExec : 0);
        int fd = g.Guest.Heaps.Allocate(child, "system", PageBytes, flags, 0).Value.Fd;
        Must(g.Guest.Processes.Exec(child));
        answers.Set("visible", g.Guest.Files.Fstat(child, fd).Ok ? 1L : 0L);
        Must(g.Guest.Processes.End(child));
    }

    private static void InodeIdentity(ReplayCase c, Record record, Answers answers)
    {
        GuestCase g = Of(c);
        int fd = g.Fd(g.LastBuffer!);
        FileStat first = g.Guest.Files.Fstat(g.Process, fd).Value;
        FileStat second = g.Guest.Files.Fstat(g.Process, g.Guest.Files.Dup(g.Process, fd).Value).Value;
        FileStat other = g.Guest.Files.Fstat(g.Process, g.Guest.Heaps.Allocate(g.Process, "system", PageBytes, PlainFd, 0).Value.Fd).Value;
        answers.Set("dup_same_ino", first.Inode == second.Inode ? 1L : 0L);
        answers.Set("other_same_ino", first.Inode == other.Inode ? 1L : 0L);
        answers.Set("same_dev", first.Device == other.Device ? 1L : 0L);
        answers.Set("other_ino_minus_first", other.Inode - first.Inode);
    }

    private static void SendFd(ReplayCase c, int fd) =>
        c.State<State>().Token = Of(c).Guest.Files.Export(Of(c).Process, fd, null, TimeSpan.Zero).Value;

    private static string ByteAt(GuestCase g, GuestProcess process, ulong address)
    {
        byte[] bytes = new byte[1];
        Must(g.Guest.Mappings.Load(process, address, bytes));
        return bytes[0].ToString("x2", CultureInfo.InvariantCulture);
    }

    private static void Must(Failure? failure)
    {
        if (failure is not null)
        {
            throw new InvalidOperationException(failure.Sentence);
        }
    }

    private sealed class State
    {
        public int Reads { get; set; }

        public int? Third { get; set; }

        public GuestProcess? Child { get; set; }

        public ulong ChildMapping { get; set; }

        public Handle128? Token { get; set; }

        public bool Received { get; set; }

        public int LooksSinceReceived { get; set; }
    }
}
