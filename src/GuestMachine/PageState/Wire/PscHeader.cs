namespace CocoGuest.Machine.PageState.Wire;

/// <summary>Header of the page-state-change buffer (S-SNP-21): u16 current entry, u16 end entry (the last one), u32 reserved.</summary>
/// <param name="CurrentEntry">Entry to go on from.</param>
/// <param name="EndEntry">Last entry, counted in.</param>
/// <param name="Reserved">0, else the guest terminates (S-SNP-24).</param>
public readonly record struct PscHeader(ushort CurrentEntry, ushort EndEntry, uint Reserved)
{
    private const int EndShift = 16;
    private const int ReservedShift = 32;

    /// <summary>GHCB exit code of the request.</summary>
    public const ulong ExitCode = 0x80000010;

    /// <summary>Entries that the GHCB's shared buffer has room for (S-SNP-22).</summary>
    public const int MaxEntries = 253;

    /// <summary>Entries of Linux's own batch (S-SNP-22, S-SNP-23).</summary>
    public const int LinuxBatchEntries = 64;

    /// <summary>Bytes of header and of each entry.</summary>
    public const int Bytes = 8;

    /// <summary>Exit info 2: the VMM failed, or exits are not enabled (S-SNP-38).</summary>
    public const ulong GenericError = 0x100UL << 32;

    /// <summary>Exit info 2: the end entry is beyond the buffer.</summary>
    public const ulong InvalidHeader = (1UL << 32) | 1;

    /// <summary>Exit info 2: current page or frame of an entry is wrong.</summary>
    public const ulong InvalidEntry = (1UL << 32) | 2;

    /// <summary>The 8 bytes as a little-endian word.</summary>
    public ulong Encode() => CurrentEntry | ((ulong)EndEntry << EndShift) | ((ulong)Reserved << ReservedShift);

    /// <summary>Reads the 8 bytes from a little-endian word.</summary>
    public static PscHeader Decode(ulong word) => new((ushort)word, (ushort)(word >> EndShift), (uint)(word >> ReservedShift));
}
