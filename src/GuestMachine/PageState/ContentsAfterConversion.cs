using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.PageState;

/// <summary>
/// Table S-PLAT-21. Linux calls the contents undefined in all cases (S-PLAT-20); the emulator shows what the platform makes of them.
/// </summary>
public static class ContentsAfterConversion
{
    // Platform, then discarding VMM: →shared, →private; then keeping VMM: →shared, →private.
    private static readonly ContentsRule[][] Rules =
    [
        [ContentsRule.Kept, ContentsRule.Kept, ContentsRule.Kept, ContentsRule.Kept],
        [
            ContentsRule.CiphertextOfOldPlain, ContentsRule.DecryptionOfOldPlain,
            ContentsRule.CiphertextOfOldPlain, ContentsRule.DecryptionOfOldPlain,
        ],
        [ContentsRule.Zeros, ContentsRule.DecryptionOfZeros, ContentsRule.OldSharedContents, ContentsRule.OldPrivateContents],
        [ContentsRule.Zeros, ContentsRule.Zeros, ContentsRule.OldSharedContents, ContentsRule.Zeros],
        [ContentsRule.Kept, ContentsRule.Kept, ContentsRule.Kept, ContentsRule.Kept],
    ];

    /// <summary>The rule for a page that changed sides.</summary>
    /// <param name="platform">Platform.</param>
    /// <param name="direction">Side it is on now.</param>
    /// <param name="vmmDiscards">The VMM drops old backings (<see cref="IHypervisor.DiscardsOldBacking"/>).</param>
    public static ContentsRule For(Platform platform, ConversionDirection direction, bool vmmDiscards = true) =>
        Rules[(int)platform][(vmmDiscards ? 0 : 2) + (int)direction];
}
