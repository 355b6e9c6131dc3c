using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Memory.Encryption;

/// <summary>
/// S-ENC-06 by the framework's AES, for machines without AES instructions: one ECB call per run of blocks and XORs around it.
/// Several times slower than <see cref="AesNiKernel"/>. Here a tweak's form is T itself.
/// </summary>
internal sealed class PortableKernel : XexKernel
{
    private readonly byte[] _dataKey;
    private readonly byte[] _tweakKey;

    // The framework does not promise that one Aes object may be used by two threads, so each call borrows a pair. There are never
    // more pairs than there were calls at once. They hold nothing native between calls, so nobody has to dispose of them.
    private readonly ConcurrentBag<(Aes Data, Aes Tweak)> _ciphers = [];

    /// <summary>A kernel for k1 and k2, 16 bytes each.</summary>
    public PortableKernel(ReadOnlySpan<byte> dataKey, ReadOnlySpan<byte> tweakKey)
    {
        _dataKey = dataKey.ToArray();
        _tweakKey = tweakKey.ToArray();
    }

    /// <inheritdoc/>
    public override void MakeTweaks(ulong firstBlock, Span<byte> tweaks)
    {
        (Aes Data, Aes Tweak) ciphers = Borrow();
        MakeTweaks(ciphers.Tweak, firstBlock, tweaks);
        _ciphers.Add(ciphers);
    }

    /// <inheritdoc/>
    public override void Encrypt(ReadOnlySpan<byte> plain, Span<byte> cipher, ReadOnlySpan<byte> tweaks)
    {
        (Aes Data, Aes Tweak) ciphers = Borrow();
        Crypt(ciphers.Data, encrypt: true, plain, cipher, tweaks);
        _ciphers.Add(ciphers);
    }

    /// <inheritdoc/>
    public override void Decrypt(ReadOnlySpan<byte> cipher, Span<byte> plain, ReadOnlySpan<byte> tweaks)
    {
        (Aes Data, Aes Tweak) ciphers = Borrow();
        Crypt(ciphers.Data, encrypt: false, cipher, plain, tweaks);
        _ciphers.Add(ciphers);
    }

    /// <inheritdoc/>
    public override void Encrypt(ReadOnlySpan<byte> plain, Span<byte> cipher, ulong firstBlock)
    {
        Span<byte> tweaks = stackalloc byte[(int)Page.Size];
        tweaks = tweaks[..plain.Length];
        MakeTweaks(firstBlock, tweaks);
        Encrypt(plain, cipher, tweaks);
    }

    /// <inheritdoc/>
    public override void Decrypt(ReadOnlySpan<byte> cipher, Span<byte> plain, ulong firstBlock)
    {
        Span<byte> tweaks = stackalloc byte[(int)Page.Size];
        tweaks = tweaks[..cipher.Length];
        MakeTweaks(firstBlock, tweaks);
        Decrypt(cipher, plain, tweaks);
    }

    private static void MakeTweaks(Aes cipher, ulong firstBlock, Span<byte> tweaks)
    {
        Span<byte> numbers = stackalloc byte[(int)Page.Size];
        numbers = numbers[..tweaks.Length];
        for (int offset = 0; offset < numbers.Length; offset += BlockSize)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(numbers[offset..], firstBlock++);
            numbers.Slice(offset + sizeof(ulong), sizeof(ulong)).Clear();
        }
        cipher.EncryptEcb(numbers, tweaks, PaddingMode.None);
    }

    private static void Crypt(Aes cipher, bool encrypt, ReadOnlySpan<byte> from, Span<byte> to, ReadOnlySpan<byte> tweaks)
    {
        Span<byte> whitened = stackalloc byte[(int)Page.Size];
        whitened = whitened[..from.Length];
        Xor(from, tweaks, whitened);
        if (encrypt)
            cipher.EncryptEcb(whitened, to, PaddingMode.None);
        else
            cipher.DecryptEcb(whitened, to, PaddingMode.None);
        Xor(to, tweaks, to);
    }

    private static void Xor(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> to)
    {
        ReadOnlySpan<ulong> a = MemoryMarshal.Cast<byte, ulong>(left);
        ReadOnlySpan<ulong> b = MemoryMarshal.Cast<byte, ulong>(right);
        Span<ulong> sum = MemoryMarshal.Cast<byte, ulong>(to);
        for (int i = 0; i < sum.Length; i++)
            sum[i] = a[i] ^ b[i];
    }

    private (Aes Data, Aes Tweak) Borrow()
    {
        if (_ciphers.TryTake(out (Aes Data, Aes Tweak) ciphers))
            return ciphers;
        ciphers = (Aes.Create(), Aes.Create());
        ciphers.Data.Key = _dataKey;
        ciphers.Tweak.Key = _tweakKey;
        return ciphers;
    }
}
