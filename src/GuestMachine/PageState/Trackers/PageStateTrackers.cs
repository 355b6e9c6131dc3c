using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>Makes the tracker of a platform.</summary>
public static class PageStateTrackers
{
    /// <summary>A tracker in the state of boot: everything private and validated or accepted, in large entries (S-PLAT-03).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Unknown platform, no frames or too many.</exception>
    public static IPageStateTracker Create(PageStateOptions options) => options.Platform switch
    {
        Platform.None => new PlainTracker(options),
        Platform.Sev or Platform.SevEs => new SevTracker(options),
        Platform.SevSnp or Platform.SevSnpVtom => new SnpTracker(options),
        Platform.SmeHost => new SmeTracker(options),
        Platform.CcaRealm => new CcaTracker(options),
        Platform.Pkvm => new PkvmTracker(options),
        Platform.S390 => new S390Tracker(options),
        Platform.PowerSvm => new PowerTracker(options),
        Platform.Lab => new LabTracker(options),
        Platform.Tdx => new TdxTracker(options),
        _ => throw new ArgumentOutOfRangeException(nameof(options), options.Platform, "No page-state machine for this platform."),
    };
}
