using CocoGuest.Machine.Fences;

namespace CocoGuest.Tests.Machine.Fences;

/// <summary>S-RESV-01 and 03 in the simplest form: a list that is copied whole at each step; and the same with a mistake planted.</summary>
internal sealed class NaiveReservation(NaiveReservation.Bug bug)
{
    public enum Bug
    {
        None,
        UsageIgnored,
        SignalledStay,
        EarlierReplaces,
    }

    public List<(Fence Fence, FenceUsage Usage)> Entries { get; private set; } = [];

    public void Add(Fence fence, FenceUsage usage)
    {
        int place = Entries.FindIndex(e => MayReplace(e.Fence, e.Usage, fence, usage));
        Entries = place < 0
            ? [.. Entries, (fence, usage)]
            : [.. Entries.Take(place), (fence, usage), .. Entries.Skip(place + 1)];
    }

    public IEnumerable<Fence> Seen(FenceUsage usage) => from entry in Entries where (int)entry.Usage <= (int)usage select entry.Fence;

    private bool MayReplace(Fence old, FenceUsage oldUsage, Fence fence, FenceUsage usage)
    {
        if (old.Signalled)
        {
            return bug != Bug.SignalledStay;
        }

        bool sameOrLater = fence == old || fence.Seqno > old.Seqno || bug == Bug.EarlierReplaces;
        bool covers = (int)oldUsage >= (int)usage || bug == Bug.UsageIgnored;
        return old.Context == fence.Context && covers && sameOrLater;
    }
}
