using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState.Wire;

/// <summary>TDG.MEM.PAGE.ACCEPT (S-TDX-06, S-TDX-08): rcx = address | level; result code in the upper half of rax.</summary>
public static class TdxAccept
{
    private const ulong LevelMask = 0x7;

    /// <summary>TDCALL leaf.</summary>
    public const ulong Leaf = 6;

    /// <summary>Where the result code begins in rax.</summary>
    public const int CodeShift = 32;

    /// <summary>Accepted, now zero (S-TDX-07).</summary>
    public const uint Success = 0;

    /// <summary>Already accepted: not an error bit, but Linux counts every non-zero result as failure.</summary>
    public const uint AlreadyAccepted = 0x00000B0A;

    /// <summary>The entry has another size.</summary>
    public const uint SizeMismatch = 0xC0000B0B;

    /// <summary>Operand busy.</summary>
    public const uint OperandBusy = 0x80000200;

    /// <summary>Operand invalid.</summary>
    public const uint OperandInvalid = 0xC0000100;

    /// <summary>The entry is free.</summary>
    public const uint EntryFree = 0xC0000B01;

    /// <summary>rcx of the call.</summary>
    public static ulong EncodeRcx(ulong frame, MappingSize level) => Page.AddressOf(frame) | (ulong)level;

    /// <summary>Frame and level of an rcx.</summary>
    public static (ulong Frame, MappingSize Level) DecodeRcx(ulong rcx) => (Page.FrameOf(rcx), (MappingSize)(rcx & LevelMask));

    /// <summary>Result code of a rax.</summary>
    public static uint CodeOf(ulong rax) => (uint)(rax >> CodeShift);
}
