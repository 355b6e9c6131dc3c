namespace CocoGuest.Machine.PageState;

/// <summary>
/// What a 4 KiB frame is to whoever reaches for it: the columns of the view matrices S-PLAT-10..14. It follows the host's tables
/// (KVM's attributes, RMP, SEPT) where the platform has such, and the direct map's C-bit on SEV, where nobody else decides (S-SEV-01).
/// </summary>
public enum PageCondition
{
    /// <summary>Private and usable: ciphertext in DRAM, validated (SNP) or accepted (TDX) where the platform asks for it.</summary>
    Private = 0,
    /// <summary>Shared with the host: plain text in DRAM, not assigned (SNP), not in the SEPT (TDX).</summary>
    Shared = 1,
    /// <summary>Private, but assigned and not validated (SNP) or added and not accepted (TDX pending), or destroyed (realm).
    /// The others have no such state.</summary>
    PrivateUnvalidated = 2,
}
