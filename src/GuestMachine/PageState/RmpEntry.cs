namespace CocoGuest.Machine.PageState;

/// <summary>
/// An entry of the reverse map table as Linux shows it on Zen 3 and Zen 4 (S-SNP-01): bit 0 assigned, 1 size, 2 immutable, 12-50 guest
/// frame, 51-60 ASID, 61 VMSA, 62 validated. Later CPUs read entries by an instruction instead (S-SNP-40), not modelled.
/// </summary>
/// <param name="Assigned">Belongs to a guest.</param>
/// <param name="Size">4K or 2M.</param>
/// <param name="Immutable">Can no longer be changed by RMPUPDATE.</param>
/// <param name="GuestFrame">Guest frame number, 39 bits.</param>
/// <param name="Asid">Owner, 10 bits.</param>
/// <param name="Vmsa">A vCPU's save area.</param>
/// <param name="Validated">The guest has validated it.</param>
public readonly record struct RmpEntry(
    bool Assigned, MappingSize Size, bool Immutable, ulong GuestFrame, uint Asid, bool Vmsa, bool Validated)
{
    private const ulong AssignedBit = 1UL << 0;
    private const ulong SizeBit = 1UL << 1;
    private const ulong ImmutableBit = 1UL << 2;
    private const int FrameShift = 12;
    private const ulong FrameMask = (1UL << 39) - 1;
    private const int AsidShift = 51;
    private const ulong AsidMask = (1UL << 10) - 1;
    private const ulong VmsaBit = 1UL << 61;
    private const ulong ValidatedBit = 1UL << 62;

    /// <summary>Name of the state (S-SNP-08).</summary>
    public RmpState State =>
        !Assigned ? RmpState.Hypervisor : Immutable ? RmpState.Immutable : Validated ? RmpState.GuestValid : RmpState.GuestInvalid;

    /// <summary>The 64-bit word. Frame and ASID are cut to their fields.</summary>
    public ulong Encode() =>
        (Assigned ? AssignedBit : 0)
        | (Size == MappingSize.Size4K ? 0 : SizeBit)
        | (Immutable ? ImmutableBit : 0)
        | ((GuestFrame & FrameMask) << FrameShift)
        | ((Asid & AsidMask) << AsidShift)
        | (Vmsa ? VmsaBit : 0)
        | (Validated ? ValidatedBit : 0);

    /// <summary>Reads a 64-bit word; reserved bits are not looked at.</summary>
    public static RmpEntry Decode(ulong word) => new(
        (word & AssignedBit) != 0,
        (word & SizeBit) != 0 ? MappingSize.Size2M : MappingSize.Size4K,
        (word & ImmutableBit) != 0,
        (word >> FrameShift) & FrameMask,
        (uint)((word >> AsidShift) & AsidMask),
        (word & VmsaBit) != 0,
        (word & ValidatedBit) != 0);
}
