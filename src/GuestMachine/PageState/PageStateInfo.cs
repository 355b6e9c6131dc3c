using CocoGuest.Machine.PageState.Wire;

namespace CocoGuest.Machine.PageState;

/// <summary>
/// Everything the model knows of one frame (S-PLAT-01): guest state, host state, validation. Exactly one of the three host words is
/// set on an encrypted platform, none on a plain guest.
/// </summary>
/// <param name="Condition">Column of the view matrix.</param>
/// <param name="GuestShared">Guest state: the direct-map entry says shared (C-bit clear, shared bit set).</param>
/// <param name="DirectMapSize">Size of the direct-map entry.</param>
/// <param name="Sev">SEV: what the host was told.</param>
/// <param name="Rmp">SNP: the entry of the private backing.</param>
/// <param name="Sept">TDX: the entry.</param>
public readonly record struct PageStateInfo(
    PageCondition Condition, bool GuestShared, MappingSize DirectMapSize, SevHostKnowledge? Sev, RmpEntry? Rmp, SeptEntry? Sept)
{
    /// <summary>
    /// True when guest and host state agree (S-PLAT-01); false after the failures of S-SETM-23. A SEV host that was never told agrees.
    /// </summary>
    public bool Agrees => GuestShared == HostShared;

    private bool HostShared => Sev switch
    {
        null => Condition == PageCondition.Shared,
        SevHostKnowledge.Unknown => GuestShared,
        _ => Sev == SevHostKnowledge.ToldShared,
    };
}
