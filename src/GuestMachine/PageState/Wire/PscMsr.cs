namespace CocoGuest.Machine.PageState.Wire;

/// <summary>Page state change through the GHCB MSR, before a GHCB exists (S-SNP-26).</summary>
public static class PscMsr
{
    private const ulong RequestCode = 0x014;
    private const ulong ResponseCode = 0x015;
    private const ulong CodeMask = 0xfff;
    private const int FrameShift = 12;
    private const ulong FrameMask = (1UL << 40) - 1;
    private const int OperationShift = 52;
    private const int ErrorShift = 32;

    /// <summary>Error field that KVM answers with: bit 63 of the response, bit 31 of the field.</summary>
    public const uint KvmError = 1U << 31;

    /// <summary>Request: code 0x014, frame in bits 51:12, operation in 55:52.</summary>
    public static ulong EncodeRequest(ulong frame, PscOperation operation) =>
        RequestCode | ((frame & FrameMask) << FrameShift) | (((ulong)operation & 0xf) << OperationShift);

    /// <summary>Frame and operation of a request; the code is not looked at.</summary>
    public static (ulong Frame, PscOperation Operation) DecodeRequest(ulong word) =>
        ((word >> FrameShift) & FrameMask, (PscOperation)((word >> OperationShift) & 0xf));

    /// <summary>Response: code 0x015, error in bits 63:32, 0 for ok.</summary>
    public static ulong EncodeResponse(uint error) => ResponseCode | ((ulong)error << ErrorShift);

    /// <summary>Error of a response, or null when the word is not a response to this request.</summary>
    public static uint? DecodeResponse(ulong word) => (word & CodeMask) == ResponseCode ? (uint)(word >> ErrorShift) : null;
}
