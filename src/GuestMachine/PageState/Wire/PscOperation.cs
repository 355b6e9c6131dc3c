namespace CocoGuest.Machine.PageState.Wire;

/// <summary>Operation field of a page state change (S-SNP-21, S-SNP-26).</summary>
public enum PscOperation
{
    /// <summary>Make private.</summary>
    Private = 1,
    /// <summary>Make shared.</summary>
    Shared = 2,
    /// <summary>Break up a 2 MiB entry; reserved, KVM does nothing.</summary>
    Smash = 3,
    /// <summary>Join 4 KiB entries; reserved, KVM does nothing.</summary>
    Unsmash = 4,
}
