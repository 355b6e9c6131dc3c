using CocoGuest.Machine.PageState.Trackers;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.PageState;

/// <summary>Makes the tracker of a platform.</summary>
public static class PageStateTrackers
{
    /// <summary>A tracker in the state of boot: everything private and validated or accepted, in large entries (S-PLAT-03).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Unknown platform, no frames or too many.</exception>
    public static IPageStateTracker Create(PageStateOptions options) => options.Platform switch
    {
        Platform.None => new PlainTracker(options),
        Platform.Sev => new SevTracker(options),
        Platform.SevSnp => new SnpTracker(options),
        Platform.Lab => new LabTracker(options),
        Platform.Tdx => new TdxTracker(options),
        _ => throw new ArgumentOutOfRangeException(nameof(options), options.Platform, "No page-state machine for this platform."),
    };
}
