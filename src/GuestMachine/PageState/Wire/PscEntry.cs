namespace CocoGuest.Machine.PageState.Wire;

/// <summary>
/// An entry of the page-state-change buffer in the GHCB (S-SNP-21): bits 11:0 current page, 51:12 frame, 55:52 operation, 56 size.
/// </summary>
/// <param name="CurrentPage">Pages of the entry that are done, 0..512.</param>
/// <param name="Frame">Guest frame number, 40 bits.</param>
/// <param name="Operation">What to do.</param>
/// <param name="Size">4K or 2M.</param>
public readonly record struct PscEntry(ushort CurrentPage, ulong Frame, PscOperation Operation, MappingSize Size)
{
    private const ulong CurrentMask = (1UL << 12) - 1;
    private const int FrameShift = 12;
    private const ulong FrameMask = (1UL << 40) - 1;
    private const int OperationShift = 52;
    private const ulong OperationMask = 0xf;
    private const int SizeShift = 56;

    /// <summary>The 64-bit word; fields are cut to their width.</summary>
    public ulong Encode() =>
        (CurrentPage & CurrentMask)
        | ((Frame & FrameMask) << FrameShift)
        | (((ulong)Operation & OperationMask) << OperationShift)
        | (Size == MappingSize.Size4K ? 0UL : 1UL << SizeShift);

    /// <summary>Reads a 64-bit word; reserved bits 63:57 are not looked at.</summary>
    public static PscEntry Decode(ulong word) => new(
        (ushort)(word & CurrentMask),
        (word >> FrameShift) & FrameMask,
        (PscOperation)((word >> OperationShift) & OperationMask),
        ((word >> SizeShift) & 1) != 0 ? MappingSize.Size2M : MappingSize.Size4K);
}
