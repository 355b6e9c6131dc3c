using System.Buffers.Binary;
using System.Numerics;

namespace CocoGuest.Machine.Memory.Encryption;

/// <summary>
/// SHA-256 (FIPS 180-4) in C#. The framework's own is OpenSSL's, and a small image has no libssl: the process would end with SIGSEGV at its
/// first guest. Here keys are derived once a guest, so speed does not matter.
/// </summary>
public sealed class Sha256
{
    /// <summary>Bytes of a hash.</summary>
    public const int HashSize = 32;

    private const int BlockSize = 64;
    private const int LengthAt = BlockSize - sizeof(ulong);

    // The first 32 bits behind the point of the cube roots of the first 64 primes.
    private static readonly uint[] Constants = [.. Primes(64).Select(static prime => Fraction(prime, 3))];

    // And of the square roots of the first 8.
    private readonly uint[] _state = [.. Primes(8).Select(static prime => Fraction(prime, 2))];
    private readonly byte[] _block = new byte[BlockSize];
    private int _filled;
    private ulong _length;

    /// <summary>The hash of some bytes.</summary>
    public static byte[] Of(ReadOnlySpan<byte> bytes)
    {
        var hash = new Sha256();
        hash.Append(bytes);
        return hash.Finish();
    }

    /// <summary>Adds bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        _length += (ulong)bytes.Length;
        while (!bytes.IsEmpty)
        {
            int taken = Math.Min(bytes.Length, BlockSize - _filled);
            bytes[..taken].CopyTo(_block.AsSpan(_filled));
            bytes = bytes[taken..];
            _filled += taken;
            if (_filled == BlockSize)
            {
                Compress();
            }
        }
    }

    /// <summary>The hash of all that was added. Nothing can be added after that.</summary>
    public byte[] Finish()
    {
        ulong bits = _length * 8;
        Append([0x80]);
        while (_filled != LengthAt)
        {
            Append([0]);
        }

        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(length, bits);
        Append(length);
        byte[] hash = new byte[HashSize];
        for (int i = 0; i < _state.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(hash.AsSpan(i * sizeof(uint)), _state[i]);
        }

        return hash;
    }

    private void Compress()
    {
        Span<uint> w = stackalloc uint[64];
        for (int i = 0; i < 16; i++)
        {
            w[i] = BinaryPrimitives.ReadUInt32BigEndian(_block.AsSpan(i * sizeof(uint)));
        }

        for (int i = 16; i < 64; i++)
        {
            uint s0 = BitOperations.RotateRight(w[i - 15], 7) ^ BitOperations.RotateRight(w[i - 15], 18) ^ (w[i - 15] >> 3);
            uint s1 = BitOperations.RotateRight(w[i - 2], 17) ^ BitOperations.RotateRight(w[i - 2], 19) ^ (w[i - 2] >> 10);
            w[i] = w[i - 16] + s0 + w[i - 7] + s1;
        }

        (uint a, uint b, uint c, uint d) = (_state[0], _state[1], _state[2], _state[3]);
        (uint e, uint f, uint g, uint h) = (_state[4], _state[5], _state[6], _state[7]);
        for (int i = 0; i < 64; i++)
        {
            uint s1 = BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25);
            uint first = h + s1 + ((e & f) ^ (~e & g)) + Constants[i] + w[i];
            uint s0 = BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22);
            uint second = s0 + ((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d + first, c, b, a, first + second);
        }

        uint[] added = [a, b, c, d, e, f, g, h];
        for (int i = 0; i < added.Length; i++)
        {
            _state[i] += added[i];
        }

        _filled = 0;
    }

    private static IEnumerable<uint> Primes(int count) =>
        Enumerable.Range(2, 400).Where(static n => Enumerable.Range(2, n - 2).All(d => n % d != 0)).Take(count).Select(static n => (uint)n);

    // floor(root(prime) * 2^32) mod 2^32, by whole numbers: no rounding can spoil a bit.
    private static uint Fraction(uint prime, int degree)
    {
        BigInteger wanted = (BigInteger)prime << (32 * degree);
        BigInteger low = 0;
        BigInteger high = BigInteger.One << 40;
        while (high - low > 1)
        {
            BigInteger middle = (low + high) >> 1;
            (low, high) = BigInteger.Pow(middle, degree) <= wanted ? (middle, high) : (low, middle);
        }

        return (uint)(low & uint.MaxValue);
    }
}
