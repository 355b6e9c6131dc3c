namespace CocoGuest.Machine.PageState;

/// <summary>
/// Bits of a frame's state byte. All zero is the state at boot: private, validated or accepted, nothing told (S-PLAT-03). The two low
/// bits are <see cref="PageCondition"/>'s values, with Shared winning.
/// </summary>
internal static class PageWord
{
    /// <summary>The condition is Shared: KVM's attribute (SNP, TDX) or the C-bit (SEV).</summary>
    public const byte Shared = 0x01;

    /// <summary>SNP: the private backing is not validated. TDX: pending. Realm: RIPAS DESTROYED.</summary>
    public const byte Unvalidated = 0x02;

    /// <summary>The direct-map entry says shared.</summary>
    public const byte PteShared = 0x04;

    /// <summary>SNP: shared, but the VMM kept the private backing assigned (S-SNP-32).</summary>
    public const byte Kept = 0x08;

    /// <summary>Realm: the direct-map entry is not valid (S-SETM-43).</summary>
    public const byte PteInvalid = 0x08;

    /// <summary>SEV: a hypercall has named the frame.</summary>
    public const byte HostTold = 0x10;

    /// <summary>SEV: the last one said shared.</summary>
    public const byte ToldShared = 0x20;

    /// <summary>TDX: blocked in the SEPT.</summary>
    public const byte Blocked = 0x40;

    /// <summary>SNP: immutable RMP entry.</summary>
    public const byte Immutable = 0x80;
}
