namespace CocoGuest.Machine.Memory.Encryption;

/// <summary>
/// The cipher of S-ENC-06 over runs of 16-byte blocks that lie in one page. Spans have equal lengths, multiples of 16; source and
/// destination are the same memory or do not overlap. Implementations hold keys only, so any thread may call at any time.
/// </summary>
internal abstract class XexKernel
{
    /// <summary>Bytes of a block.</summary>
    public const int BlockSize = 16;

    /// <summary>
    /// Fills in one tweak per block in the kernel's own form, which only the same kernel understands.
    /// </summary>
    /// <param name="firstBlock">Physical address of the first block / 16.</param>
    /// <param name="tweaks">Room for 16 bytes per block; all blocks are in one 4 KiB page.</param>
    public abstract void MakeTweaks(ulong firstBlock, Span<byte> tweaks);

    /// <summary>Encrypts blocks whose tweaks are known.</summary>
    public abstract void Encrypt(ReadOnlySpan<byte> plain, Span<byte> cipher, ReadOnlySpan<byte> tweaks);

    /// <summary>Decrypts blocks whose tweaks are known.</summary>
    public abstract void Decrypt(ReadOnlySpan<byte> cipher, Span<byte> plain, ReadOnlySpan<byte> tweaks);

    /// <summary>Encrypts blocks and makes their tweaks on the way, without keeping them.</summary>
    public abstract void Encrypt(ReadOnlySpan<byte> plain, Span<byte> cipher, ulong firstBlock);

    /// <summary>Decrypts blocks and makes their tweaks on the way, without keeping them.</summary>
    public abstract void Decrypt(ReadOnlySpan<byte> cipher, Span<byte> plain, ulong firstBlock);
}
