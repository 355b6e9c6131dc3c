namespace CocoGuest.Machine.Profiles;

/// <summary>What a protected pool is for: the heap ids that TEE drivers register (S-TEE-01).</summary>
public enum TeeUse
{
    /// <summary><c>protected,secure-video</c>.</summary>
    SecureVideo = 0,

    /// <summary><c>protected,trusted-ui</c>.</summary>
    TrustedUi = 1,

    /// <summary><c>protected,secure-video-record</c>.</summary>
    SecureVideoRecord = 2,
}
