using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>poll with one fd, and a level-triggered epoll, which answers as a poll of all fds that were added.</summary>
internal static class PollOps
{
    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("poll", (c, r, a) =>
        {
            var g = GuestCase.Of(c);
            PollAnswer answer = Ask(g, [new PollEntry(g.Fd(r.In.Text("fd")), (PollEvents)r.In.Number("events"))], Timeout(r));
            a.Set("rc", (long)answer.Ready);
            a.Set("revents", Hex(answer.Events[0]));
        }),
        new("epoll_add", (c, r, a) =>
        {
            var g = GuestCase.Of(c);
            c.State<List<PollEntry>>().Add(new PollEntry(g.Fd(r.In.Text("fd")), (PollEvents)r.In.Number("events")));
            a.Set("rc", 0L);
        }),
        new("epoll_wait", (c, r, a) =>
        {
            PollAnswer answer = Ask(GuestCase.Of(c), c.State<List<PollEntry>>(), Timeout(r));
            a.Set("rc", (long)answer.Ready);
            a.Set("events", Hex(answer.Events.FirstOrDefault(e => e != PollEvents.None)));
        }),
    ];

    private static TimeSpan Timeout(Record record) => TimeSpan.FromMilliseconds(record.In.Signed("timeout_ms", 0));

    // Nothing else runs meanwhile: the time passes, then poll looks once more.
    private static PollAnswer Ask(GuestCase g, IReadOnlyList<PollEntry> entries, TimeSpan timeout)
    {
        PollAnswer first = g.Guest.Fences.Poll(g.Process, entries, timeout).Value;
        if (first.Wait is null)
        {
            return first;
        }

        g.World.Time.Advance(timeout);
        return g.Guest.Fences.Poll(g.Process, entries, TimeSpan.Zero).Value;
    }

    private static string Hex(PollEvents events) => string.Create(CultureInfo.InvariantCulture, $"0x{(uint)events:x}");
}
