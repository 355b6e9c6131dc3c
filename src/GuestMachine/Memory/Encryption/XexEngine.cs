using System.Diagnostics.CodeAnalysis;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Memory.Encryption;

/// <summary>
/// Memory encryption engine of one key (one SEV ASID or TDX HKID): what the memory controller does between caches and DRAM.
/// <para>Models: AES-128 on 16-byte blocks, T = AES_k2(address / 16), C = AES_k1(P xor T) xor T (S-ENC-06), hence the properties of
/// S-ENC-02: no freshness, no integrity, one block changed by one byte, garbage under another address or key.
/// Does not model: the real key derivation and tweak (not public), AES-256, integrity MACs and owner bits (S-ENC-04),
/// poison (S-ENC-05), caches and their coherence.</para>
/// <para>Thread safe. Immutable but for the <see cref="TweakCache"/>; about 1 MiB at most, 9 KiB before the first page is hot.</para>
/// </summary>
public sealed class XexEngine
{
    private const ulong BlockMask = XexKernel.BlockSize - 1;

    private readonly XexKernel _kernel;
    private readonly TweakCache _cache;

    /// <summary>An engine with the fastest implementation that the machine has.</summary>
    /// <param name="guestSeed">Seed of the guest; the keys follow from it and <paramref name="keyId"/>.</param>
    /// <param name="keyId">ASID or HKID (S-ENC-07).</param>
    public XexEngine(ulong guestSeed, int keyId)
        : this(guestSeed, keyId, portable: false)
    {
    }

    /// <summary>As above; <paramref name="portable"/> forces the implementation without AES instructions.</summary>
    internal XexEngine(ulong guestSeed, int keyId, bool portable)
    {
        Span<byte> dataKey = stackalloc byte[XexKeys.KeySize];
        Span<byte> tweakKey = stackalloc byte[XexKeys.KeySize];
        XexKeys.Derive(guestSeed, keyId, dataKey, tweakKey);
        _kernel = AesNiKernel.IsSupported && !portable ? new AesNiKernel(dataKey, tweakKey) : new PortableKernel(dataKey, tweakKey);
        _cache = new TweakCache(_kernel);
    }

    /// <summary>Encrypts whole blocks, in place or from one buffer to another.</summary>
    /// <param name="plain">What the guest wrote; a multiple of 16 bytes.</param>
    /// <param name="cipher">What DRAM holds; as long as <paramref name="plain"/>, and the same memory or apart from it.</param>
    /// <param name="physicalAddress">Physical address of the first byte, a multiple of 16.</param>
    /// <exception cref="ArgumentException">Length or address is not a multiple of 16, lengths differ, the buffers overlap in part, or
    /// the range runs over the end of the address space.</exception>
    public void Encrypt(ReadOnlySpan<byte> plain, Span<byte> cipher, ulong physicalAddress)
    {
        Check(plain, cipher, physicalAddress);
        for (int done = 0; done < plain.Length;)
        {
            ulong address = physicalAddress + (ulong)done;
            int length = LengthInPage(address, plain.Length - done);
            ReadOnlySpan<byte> tweaks = _cache.Find(Page.FrameOf(address));
            ReadOnlySpan<byte> from = plain.Slice(done, length);
            Span<byte> to = cipher.Slice(done, length);
            if (tweaks.IsEmpty)
                _kernel.Encrypt(from, to, address / XexKernel.BlockSize);
            else
                _kernel.Encrypt(from, to, tweaks.Slice((int)(address & Page.OffsetMask), length));
            done += length;
        }
    }

    /// <summary>
    /// Decrypts whole blocks, in place or from one buffer to another. There is no integrity: any bytes decrypt to something.
    /// </summary>
    /// <param name="cipher">What DRAM holds; a multiple of 16 bytes.</param>
    /// <param name="plain">What a reader with this key sees; as long as <paramref name="cipher"/>, and the same memory or apart.</param>
    /// <param name="physicalAddress">Physical address of the first byte, a multiple of 16.</param>
    /// <exception cref="ArgumentException">As for <see cref="Encrypt"/>.</exception>
    public void Decrypt(ReadOnlySpan<byte> cipher, Span<byte> plain, ulong physicalAddress)
    {
        Check(cipher, plain, physicalAddress);
        for (int done = 0; done < cipher.Length;)
        {
            ulong address = physicalAddress + (ulong)done;
            int length = LengthInPage(address, cipher.Length - done);
            ReadOnlySpan<byte> tweaks = _cache.Find(Page.FrameOf(address));
            ReadOnlySpan<byte> from = cipher.Slice(done, length);
            Span<byte> to = plain.Slice(done, length);
            if (tweaks.IsEmpty)
                _kernel.Decrypt(from, to, address / XexKernel.BlockSize);
            else
                _kernel.Decrypt(from, to, tweaks.Slice((int)(address & Page.OffsetMask), length));
            done += length;
        }
    }

    private static int LengthInPage(ulong address, int left) => (int)Math.Min((ulong)left, Page.Size - (address & Page.OffsetMask));

    private static void Check(ReadOnlySpan<byte> from, Span<byte> to, ulong address)
    {
        if (from.Length != to.Length)
            Throw($"Source has {from.Length} bytes, destination {to.Length}.", nameof(to));
        if ((((uint)from.Length | address) & BlockMask) != 0)
            Throw($"Address 0x{address:x} and length {from.Length} must be multiples of 16.", nameof(address));
        if (from.Length != 0 && address > ulong.MaxValue - (uint)(from.Length - 1))
            Throw($"{from.Length} bytes from 0x{address:x} run over the end of the address space.", nameof(address));
        if (from.Overlaps(to, out int offset) && offset != 0)
            Throw($"Source and destination overlap, {offset} bytes apart.", nameof(to));
    }

    [DoesNotReturn]
    private static void Throw(string message, string name) => throw new ArgumentException(message, name);
}
