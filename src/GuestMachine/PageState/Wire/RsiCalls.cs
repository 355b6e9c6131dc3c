namespace CocoGuest.Machine.PageState.Wire;

/// <summary>Numbers of the realm services interface (S-CCA-06), each as SMC64.</summary>
public static class RsiCalls
{
    /// <summary>RSI_VERSION.</summary>
    public const uint Version = Base | 0x190;

    /// <summary>RSI_MEASUREMENT_READ.</summary>
    public const uint MeasurementRead = Base | 0x192;

    /// <summary>RSI_MEASUREMENT_EXTEND.</summary>
    public const uint MeasurementExtend = Base | 0x193;

    /// <summary>RSI_ATTESTATION_TOKEN_INIT.</summary>
    public const uint AttestationInit = Base | 0x194;

    /// <summary>RSI_ATTESTATION_TOKEN_CONTINUE.</summary>
    public const uint AttestationContinue = Base | 0x195;

    /// <summary>RSI_REALM_CONFIG.</summary>
    public const uint RealmConfig = Base | 0x196;

    /// <summary>RSI_IPA_STATE_SET.</summary>
    public const uint IpaStateSet = Base | 0x197;

    /// <summary>RSI_IPA_STATE_GET.</summary>
    public const uint IpaStateGet = Base | 0x198;

    /// <summary>RSI_HOST_CALL.</summary>
    public const uint HostCall = Base | 0x199;

    private const uint Base = 0xC4000000;
}
