namespace CocoGuest.Machine.Profiles;

/// <summary>
/// What the recordings call <c>coco</c>: whether <see cref="Platform.Lab"/> claims encryption at this moment. Off, <c>cc_platform_has</c>
/// is false for everything and a conversion returns 0 without being counted (S-SETM-02). Other platforms cannot be switched.
/// </summary>
internal sealed class PlatformClaim
{
    /// <summary>True from boot on.</summary>
    public bool On { get; set; } = true;
}
