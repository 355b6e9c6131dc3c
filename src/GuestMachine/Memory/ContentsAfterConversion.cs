using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Memory;

/// <summary>
/// Table S-PLAT-21; a protected KVM guest, which it does not name, keeps its pages as they are (S-CCA-07).
/// Linux calls the contents undefined in all cases (S-PLAT-20); the emulator shows what the platform makes of them.
/// </summary>
public static class ContentsAfterConversion
{
    // Platform, then discarding VMM: →shared, →private; then keeping VMM: →shared, →private.
    private static readonly ContentsRule[] Kept = [ContentsRule.Kept, ContentsRule.Kept, ContentsRule.Kept, ContentsRule.Kept];

    private static readonly ContentsRule[] InPlace =
    [
        ContentsRule.CiphertextOfOldPlain, ContentsRule.DecryptionOfOldPlain,
        ContentsRule.CiphertextOfOldPlain, ContentsRule.DecryptionOfOldPlain,
    ];

    private static readonly ContentsRule[] Snp =
        [ContentsRule.Zeros, ContentsRule.DecryptionOfZeros, ContentsRule.OldSharedContents, ContentsRule.OldPrivateContents];

    private static readonly ContentsRule[] Cleared =
        [ContentsRule.Zeros, ContentsRule.Zeros, ContentsRule.OldSharedContents, ContentsRule.Zeros];

    private static readonly ContentsRule[][] Rules =
    [
        /* None       */ Kept,
        /* Sev        */ InPlace,
        /* SevSnp     */ Snp,
        /* Tdx        */ Cleared,
        /* Lab        */ Kept,
        /* SevEs      */ InPlace,
        /* SevSnpVtom */ Snp,
        /* SmeHost    */ InPlace,
        /* CcaRealm   */ Cleared,
        /* Pkvm       */ Kept,
        /* S390       */ Kept,
        /* PowerSvm   */ Kept,
    ];

    /// <summary>The rule for a page that changed sides.</summary>
    /// <param name="platform">Platform.</param>
    /// <param name="direction">Side it is on now.</param>
    /// <param name="vmmDiscards">The VMM drops old backings (<c>IHypervisor.DiscardsOldBacking</c>).</param>
    public static ContentsRule For(Platform platform, ConversionDirection direction, bool vmmDiscards = true) =>
        Rules[(int)platform][(vmmDiscards ? 0 : 2) + (int)direction];
}
