using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CocoGuest.Machine.Memory.Encryption;

/// <summary>
/// The key material of <see cref="AesNiKernel"/> as one array of round keys, with the whitening folded in so that a block costs two
/// XORs instead of three: the kernel's form of a tweak is U = T xor k1[0], so P xor T xor k1[0] = P xor U, and the last round
/// takes k1[10] xor T = U xor (k1[0] xor k1[10]).
/// </summary>
internal static class AesNiKeys
{
    /// <summary>Index of k1[0] xor k1[10]. The slots behind, <c>Data + round</c>, hold rounds 1..9 of k1.</summary>
    public const int Data = 0;

    /// <summary><c>Inverse + round</c>: rounds 1..9 of k1 for decryption.</summary>
    public const int Inverse = 10;

    /// <summary><c>Tweak + round</c>: rounds 0..9 of k2; round 10 has k1[0] folded in.</summary>
    public const int Tweak = 20;

    /// <summary>Number of slots.</summary>
    public const int Count = Tweak + 11;

    /// <summary>Expands k1 and k2.</summary>
    public static Vector128<byte>[] Expand(ReadOnlySpan<byte> dataKey, ReadOnlySpan<byte> tweakKey)
    {
        Span<Vector128<byte>> data = stackalloc Vector128<byte>[11];
        Span<Vector128<byte>> tweak = stackalloc Vector128<byte>[11];
        Schedule(dataKey, data);
        Schedule(tweakKey, tweak);
        var keys = new Vector128<byte>[Count];
        keys[Data] = data[0] ^ data[10];
        for (int round = 1; round < 10; round++)
        {
            keys[Data + round] = data[round];
            keys[Inverse + round] = Aes.InverseMixColumns(data[round]);
        }
        tweak.CopyTo(keys.AsSpan(Tweak));
        keys[Tweak + 10] ^= data[0];
        return keys;
    }

    /// <summary>FIPS 197 key schedule. The round constant is an immediate of the instruction, hence no loop.</summary>
    private static void Schedule(ReadOnlySpan<byte> key, Span<Vector128<byte>> rounds)
    {
        Vector128<byte> k = rounds[0] = Vector128.Create(key);
        k = rounds[1] = Next(k, Aes.KeygenAssist(k, 0x01));
        k = rounds[2] = Next(k, Aes.KeygenAssist(k, 0x02));
        k = rounds[3] = Next(k, Aes.KeygenAssist(k, 0x04));
        k = rounds[4] = Next(k, Aes.KeygenAssist(k, 0x08));
        k = rounds[5] = Next(k, Aes.KeygenAssist(k, 0x10));
        k = rounds[6] = Next(k, Aes.KeygenAssist(k, 0x20));
        k = rounds[7] = Next(k, Aes.KeygenAssist(k, 0x40));
        k = rounds[8] = Next(k, Aes.KeygenAssist(k, 0x80));
        k = rounds[9] = Next(k, Aes.KeygenAssist(k, 0x1b));
        rounds[10] = Next(k, Aes.KeygenAssist(k, 0x36));
    }

    private static Vector128<byte> Next(Vector128<byte> key, Vector128<byte> assist)
    {
        key ^= Sse2.ShiftLeftLogical128BitLane(key, 4);
        key ^= Sse2.ShiftLeftLogical128BitLane(key, 8);
        return key ^ Sse2.Shuffle(assist.AsInt32(), 0xff).AsByte();
    }
}
