using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;

namespace CocoGuest.Tests.Machine.Properties;

/// <content>Fences: whatever waits has somebody who will signal it: a timeline, a table of vgem fences, or a move.</content>
internal sealed partial class Audit
{
    private readonly HashSet<Fence> _signallers = [];

    private void CheckFences()
    {
        CollectSignallers();
        foreach (GuestFile file in _references.Keys)
        {
            switch (file)
            {
                case SyncFile sync:
                    CheckFences(sync.Fences, "a sync file");
                    break;
                case DmaBuf buffer:
                    CheckFences(buffer.Fences.PendingOf(FenceUsage.Bookkeep), "a buffer");
                    break;
                case GemObject gem:
                    CheckFences(gem.Fences.PendingOf(FenceUsage.Bookkeep), "a GEM object");
                    break;
                default:
                    break;
            }
        }
    }

    private void CollectSignallers()
    {
        _signallers.Clear();
        foreach (GuestProcess process in _guest.Processes.All)
        {
            _signallers.UnionWith(_guest.Fences.FindVgemFile(process)?.Attached ?? []);
        }

        foreach (GuestFile file in _references.Keys)
        {
            switch (file)
            {
                case FenceTimeline timeline:
                    CheckTimeline(timeline);
                    _signallers.UnionWith(timeline.Pending);
                    break;
                case DrmFile client:
                    _signallers.UnionWith(client.Fences?.Attached ?? []);
                    break;
                case DmaBuf { Move: { } move }:
                    _signallers.Add(move.Fence);
                    break;
                default:
                    break;
            }
        }
    }

    // The first one is ahead of the timeline. Of the others only that much is sure, since numbers wrap: an order of values that are
    // more than half the numbers apart is none, and signalling stops at the first that is not due.
    private static void CheckTimeline(FenceTimeline timeline)
    {
        for (int i = 0; i < timeline.Pending.Count; i++)
        {
            Fence fence = timeline.Pending[i];
            Violation.Unless(
                !fence.Signalled && (i != 0 || unchecked((int)(fence.Seqno - timeline.Value)) > 0),
                $"a timeline at {timeline.Value} waits with fence {fence.Seqno} at place {i}, status {fence.Status}");
        }
    }

    private void CheckFences(IEnumerable<Fence> fences, string where)
    {
        foreach (Fence fence in fences)
        {
            if (!fence.Signalled && !_signallers.Contains(fence))
            {
                Violation.Now($"fence {fence.Context}:{fence.Seqno} of {fence.Driver} waits in {where}, but nobody will signal it");
            }
        }
    }
}
