using CocoGuest.Machine.Tree;

namespace CocoGuest.Machine.Fences;

/// <summary>The path of fences: sw_sync of debugfs, each open of which is a timeline. Does not model: <c>sync/info</c>.</summary>
internal static class FencePaths
{
    /// <summary>Adds it.</summary>
    public static void AddTo(TreeTable table, GuestFences fences) =>
        table.AddOpened(
            "/sys/kernel/debug/sync/sw_sync", TreeTable.WritableByRoot, (process, access) => fences.NewTimeline(process, access: access));
}
