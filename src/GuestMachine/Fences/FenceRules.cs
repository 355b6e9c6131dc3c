using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Fences;

/// <summary>How fences show themselves in a kernel version, as data (S-BUF-101, 103; S-REC-52).</summary>
/// <param name="DetachesSignalled">A signalled fence has lost its driver and timeline, and <c>bufinfo</c> prints numbers first.</param>
internal sealed record FenceRules(bool DetachesSignalled)
{
    /// <summary>Names of a fence that was born signalled, for an export without fences.</summary>
    public const string Stub = "stub";

    private const string DetachedDriver = "detached-driver";
    private const string SignalledTimeline = "signaled-timeline";
    private static readonly FenceRules Old = new(DetachesSignalled: false);
    private static readonly FenceRules New = new(DetachesSignalled: true);

    /// <summary>The rules of a version. S-BUF-103 is recorded for 7.2 and 7.3 and believed for 6.19 to 7.1.</summary>
    public static FenceRules Of(KernelVersion version) => version is KernelVersion.V612 or KernelVersion.V612Seed ? Old : New;

    /// <summary>Driver and timeline as SYNC_IOC_FILE_INFO tells them.</summary>
    public (string Driver, string Timeline) NamesOf(Fence fence) =>
        fence.Signalled && DetachesSignalled ? (DetachedDriver, SignalledTimeline) : (fence.Driver, fence.Timeline);

    /// <summary>A fence's line in <c>bufinfo</c>, from its usage on, without the tab and the line feed.</summary>
    public string Describe(Fence fence, FenceUsage usage)
    {
        string state = fence.Signalled ? "signalled" : "unsignalled";
        string name = NameOf(usage);
        if (!DetachesSignalled)
        {
            return $"{name} fence:{fence.Driver} {fence.Timeline} seq {fence.Seqno} {state}";
        }

        (string driver, string timeline) = fence.Signalled ? ("", "") : (fence.Driver, fence.Timeline);
        return $"{name} fence:{fence.Context}:{fence.Seqno} {timeline} {driver} {state}";
    }

    private static string NameOf(FenceUsage usage) => usage switch
    {
        FenceUsage.Kernel => "kernel",
        FenceUsage.Write => "write",
        FenceUsage.Read => "read",
        _ => "bookkeep",
    };
}
