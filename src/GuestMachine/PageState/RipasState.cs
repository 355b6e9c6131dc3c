namespace CocoGuest.Machine.PageState;

/// <summary>RIPAS of a granule (S-CCA-01). The numbers are the interface's.</summary>
public enum RipasState
{
    /// <summary>Not the realm's: shared with the host.</summary>
    Empty = 0,
    /// <summary>Protected memory.</summary>
    Ram = 1,
    /// <summary>The host took it away; the realm does not survive touching it (S-PLAT-13).</summary>
    Destroyed = 2,
    /// <summary>Memory of a device; not used here.</summary>
    Device = 3,
}
