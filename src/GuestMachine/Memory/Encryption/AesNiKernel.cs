using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Memory.Encryption;

/// <summary>
/// S-ENC-06 by the processor's AES instructions.
/// <para>The first two of the ten rounds of a tweak are looked up. Blocks of a page differ only in byte 0 of the tweak's input. After
/// round 1 that byte has reached column 0 alone, and column 0 depends on input bytes 0, 5, 10 and 15, of which the last two are
/// zero and byte 5 is address bits 44..51. Round 2 treats each byte by itself and adds the results up, so below 2^44 the
/// state after round 2 is table[byte 0] xor a constant of the page, exactly. Above, tweaks are made one by one.</para>
/// </summary>
internal sealed class AesNiKernel : XexKernel
{
    private const ulong FirstHighBlock = 1UL << (44 - 4);

    private readonly Vector128<byte>[] _keys;

    // State after round 2 of tweak inputs 0..255.
    private readonly Vector128<byte>[] _table = new Vector128<byte>[256];

    /// <summary>A kernel for k1 and k2, 16 bytes each.</summary>
    public AesNiKernel(ReadOnlySpan<byte> dataKey, ReadOnlySpan<byte> tweakKey)
    {
        _keys = AesNiKeys.Expand(dataKey, tweakKey);
        for (int block = 0; block < _table.Length; block++)
            _table[block] = AfterRound2((ulong)block);
    }

    /// <summary>True where the instructions exist.</summary>
    public static bool IsSupported => Aes.IsSupported;

    /// <inheritdoc/>
    public override void MakeTweaks(ulong firstBlock, Span<byte> tweaks)
    {
        if (firstBlock < FirstHighBlock)
        {
            AesNiLoops.MakeTweaks(
                ref MemoryMarshal.GetReference(tweaks), (nuint)tweaks.Length, ref Table(firstBlock), PageConstant(firstBlock), ref Keys);
            return;
        }
        for (int at = 0; at < tweaks.Length; at += BlockSize)
            AesNiLoops.TweakFrom(AfterRound2(firstBlock++), ref Keys).CopyTo(tweaks[at..]);
    }

    /// <inheritdoc/>
    public override void Encrypt(ReadOnlySpan<byte> plain, Span<byte> cipher, ReadOnlySpan<byte> tweaks) =>
        AesNiLoops.Encrypt(
            ref MemoryMarshal.GetReference(plain), ref MemoryMarshal.GetReference(cipher), (nuint)plain.Length,
            ref MemoryMarshal.GetReference(tweaks), ref Keys);

    /// <inheritdoc/>
    public override void Decrypt(ReadOnlySpan<byte> cipher, Span<byte> plain, ReadOnlySpan<byte> tweaks) =>
        AesNiLoops.Decrypt(
            ref MemoryMarshal.GetReference(cipher), ref MemoryMarshal.GetReference(plain), (nuint)cipher.Length,
            ref MemoryMarshal.GetReference(tweaks), ref Keys);

    /// <inheritdoc/>
    public override void Encrypt(ReadOnlySpan<byte> plain, Span<byte> cipher, ulong firstBlock)
    {
        if (firstBlock < FirstHighBlock)
        {
            AesNiLoops.EncryptFresh(
                ref MemoryMarshal.GetReference(plain), ref MemoryMarshal.GetReference(cipher), (nuint)plain.Length,
                ref Table(firstBlock), PageConstant(firstBlock), ref Keys);
            return;
        }
        Span<byte> tweaks = stackalloc byte[(int)Page.Size];
        MakeTweaks(firstBlock, tweaks[..plain.Length]);
        Encrypt(plain, cipher, tweaks);
    }

    /// <inheritdoc/>
    public override void Decrypt(ReadOnlySpan<byte> cipher, Span<byte> plain, ulong firstBlock)
    {
        if (firstBlock < FirstHighBlock)
        {
            AesNiLoops.DecryptFresh(
                ref MemoryMarshal.GetReference(cipher), ref MemoryMarshal.GetReference(plain), (nuint)cipher.Length,
                ref Table(firstBlock), PageConstant(firstBlock), ref Keys);
            return;
        }
        Span<byte> tweaks = stackalloc byte[(int)Page.Size];
        MakeTweaks(firstBlock, tweaks[..cipher.Length]);
        Decrypt(cipher, plain, tweaks);
    }

    private ref Vector128<byte> Keys => ref MemoryMarshal.GetArrayDataReference(_keys);

    private ref Vector128<byte> Table(ulong firstBlock) => ref _table[(int)(firstBlock & 0xff)];

    private Vector128<byte> PageConstant(ulong firstBlock) => AfterRound2(firstBlock & ~0xffUL) ^ _table[0];

    private Vector128<byte> AfterRound2(ulong block)
    {
        Vector128<byte> state = Vector128.Create(block, 0).AsByte() ^ _keys[AesNiKeys.Tweak];
        state = Aes.Encrypt(state, _keys[AesNiKeys.Tweak + 1]);
        return Aes.Encrypt(state, _keys[AesNiKeys.Tweak + 2]);
    }
}
