using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState.Wire;

/// <summary>
/// TDX MapGPA (S-TDX-02, S-TDX-03): TDG.VP.VMCALL with sub-function 0x10001; r12 = start, with the shared bit for →shared; r13 = bytes;
/// results in r10 and, for retry, r11.
/// </summary>
public static class TdxMapGpa
{
    /// <summary>TDCALL leaf of a hypercall.</summary>
    public const ulong Leaf = 0;

    /// <summary>Sub-function.</summary>
    public const ulong SubFunction = 0x10001;

    /// <summary>r10: done.</summary>
    public const ulong Ok = 0;

    /// <summary>r10: go on from r11.</summary>
    public const ulong Retry = 1;

    /// <summary>r10: invalid operand.</summary>
    public const ulong InvalidOperand = 0x8000000000000000;

    /// <summary>r10: alignment error.</summary>
    public const ulong AlignmentError = 0x8000000000000002;

    /// <summary>r10: sub-function unsupported.</summary>
    public const ulong SubFunctionUnsupported = 0x8000000000000003;

    /// <summary>Bytes of a piece at most; KVM makes one exit per piece (S-TDX-15).</summary>
    public const ulong MaxPieceBytes = 2UL << 20;

    /// <summary>Registers of the call.</summary>
    /// <param name="range">Frames.</param>
    /// <param name="direction">To shared or to private.</param>
    /// <param name="sharedBit">Position of the shared bit: 47 or 51 (S-DMA-15).</param>
    public static (ulong R12, ulong R13) Encode(FrameRange range, ConversionDirection direction, int sharedBit) =>
        (range.Address | (direction == ConversionDirection.ToShared ? 1UL << sharedBit : 0), range.Bytes);
}
