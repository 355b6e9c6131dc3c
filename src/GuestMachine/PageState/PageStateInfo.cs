namespace CocoGuest.Machine.PageState;

/// <summary>
/// Everything the model knows of one frame (S-PLAT-01): guest state, host state, validation. At most one of the host words is
/// set; none where the host knows no more than the condition.
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
    /// <summary>Realm: the granule's RIPAS.</summary>
    public RipasState? Ripas { get; init; }

    /// <summary>Realm: the direct-map entry is invalid after a failed conversion (S-SETM-43).</summary>
    public bool DirectMapInvalid { get; init; }

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
