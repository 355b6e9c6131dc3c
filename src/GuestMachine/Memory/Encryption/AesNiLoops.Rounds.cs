using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CocoGuest.Machine.Memory.Encryption;

/// <summary>The rounds, eight blocks at a time and one at a time.</summary>
internal static partial class AesNiLoops
{
    /// <summary>One tweak U from its state after round 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> TweakFrom(Vector128<byte> state, ref Vector128<byte> keys)
    {
        state = Aes.Encrypt(state, Key(ref keys, AesNiKeys.Tweak + 3));
        state = Aes.Encrypt(state, Key(ref keys, AesNiKeys.Tweak + 4));
        state = Aes.Encrypt(state, Key(ref keys, AesNiKeys.Tweak + 5));
        state = Aes.Encrypt(state, Key(ref keys, AesNiKeys.Tweak + 6));
        state = Aes.Encrypt(state, Key(ref keys, AesNiKeys.Tweak + 7));
        state = Aes.Encrypt(state, Key(ref keys, AesNiKeys.Tweak + 8));
        state = Aes.Encrypt(state, Key(ref keys, AesNiKeys.Tweak + 9));
        return Aes.EncryptLast(state, Key(ref keys, AesNiKeys.Tweak + 10));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> EncryptBlock(Vector128<byte> block, Vector128<byte> tweak, ref Vector128<byte> keys)
    {
        Vector128<byte> ends = Key(ref keys, AesNiKeys.Data);
        block ^= tweak;
        block = Aes.Encrypt(block, Key(ref keys, AesNiKeys.Data + 1));
        block = Aes.Encrypt(block, Key(ref keys, AesNiKeys.Data + 2));
        block = Aes.Encrypt(block, Key(ref keys, AesNiKeys.Data + 3));
        block = Aes.Encrypt(block, Key(ref keys, AesNiKeys.Data + 4));
        block = Aes.Encrypt(block, Key(ref keys, AesNiKeys.Data + 5));
        block = Aes.Encrypt(block, Key(ref keys, AesNiKeys.Data + 6));
        block = Aes.Encrypt(block, Key(ref keys, AesNiKeys.Data + 7));
        block = Aes.Encrypt(block, Key(ref keys, AesNiKeys.Data + 8));
        block = Aes.Encrypt(block, Key(ref keys, AesNiKeys.Data + 9));
        return Aes.EncryptLast(block, tweak ^ ends);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> DecryptBlock(Vector128<byte> block, Vector128<byte> tweak, ref Vector128<byte> keys)
    {
        Vector128<byte> ends = Key(ref keys, AesNiKeys.Data);
        block ^= tweak ^ ends;
        block = Aes.Decrypt(block, Key(ref keys, AesNiKeys.Inverse + 9));
        block = Aes.Decrypt(block, Key(ref keys, AesNiKeys.Inverse + 8));
        block = Aes.Decrypt(block, Key(ref keys, AesNiKeys.Inverse + 7));
        block = Aes.Decrypt(block, Key(ref keys, AesNiKeys.Inverse + 6));
        block = Aes.Decrypt(block, Key(ref keys, AesNiKeys.Inverse + 5));
        block = Aes.Decrypt(block, Key(ref keys, AesNiKeys.Inverse + 4));
        block = Aes.Decrypt(block, Key(ref keys, AesNiKeys.Inverse + 3));
        block = Aes.Decrypt(block, Key(ref keys, AesNiKeys.Inverse + 2));
        block = Aes.Decrypt(block, Key(ref keys, AesNiKeys.Inverse + 1));
        return Aes.DecryptLast(block, tweak);
    }

    /// <summary>One encryption round on eight blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Encrypt(
        ref Vector128<byte> b0, ref Vector128<byte> b1, ref Vector128<byte> b2, ref Vector128<byte> b3,
        ref Vector128<byte> b4, ref Vector128<byte> b5, ref Vector128<byte> b6, ref Vector128<byte> b7, Vector128<byte> k)
    {
        b0 = Aes.Encrypt(b0, k);
        b1 = Aes.Encrypt(b1, k);
        b2 = Aes.Encrypt(b2, k);
        b3 = Aes.Encrypt(b3, k);
        b4 = Aes.Encrypt(b4, k);
        b5 = Aes.Encrypt(b5, k);
        b6 = Aes.Encrypt(b6, k);
        b7 = Aes.Encrypt(b7, k);
    }

    /// <summary>The last encryption round on eight blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void EncryptLast(
        ref Vector128<byte> b0, ref Vector128<byte> b1, ref Vector128<byte> b2, ref Vector128<byte> b3,
        ref Vector128<byte> b4, ref Vector128<byte> b5, ref Vector128<byte> b6, ref Vector128<byte> b7, Vector128<byte> k)
    {
        b0 = Aes.EncryptLast(b0, k);
        b1 = Aes.EncryptLast(b1, k);
        b2 = Aes.EncryptLast(b2, k);
        b3 = Aes.EncryptLast(b3, k);
        b4 = Aes.EncryptLast(b4, k);
        b5 = Aes.EncryptLast(b5, k);
        b6 = Aes.EncryptLast(b6, k);
        b7 = Aes.EncryptLast(b7, k);
    }

    /// <summary>One decryption round on eight blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Decrypt(
        ref Vector128<byte> b0, ref Vector128<byte> b1, ref Vector128<byte> b2, ref Vector128<byte> b3,
        ref Vector128<byte> b4, ref Vector128<byte> b5, ref Vector128<byte> b6, ref Vector128<byte> b7, Vector128<byte> k)
    {
        b0 = Aes.Decrypt(b0, k);
        b1 = Aes.Decrypt(b1, k);
        b2 = Aes.Decrypt(b2, k);
        b3 = Aes.Decrypt(b3, k);
        b4 = Aes.Decrypt(b4, k);
        b5 = Aes.Decrypt(b5, k);
        b6 = Aes.Decrypt(b6, k);
        b7 = Aes.Decrypt(b7, k);
    }

    /// <summary>Rounds 1..9 of k1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void EncryptRounds(
        ref Vector128<byte> b0, ref Vector128<byte> b1, ref Vector128<byte> b2, ref Vector128<byte> b3,
        ref Vector128<byte> b4, ref Vector128<byte> b5, ref Vector128<byte> b6, ref Vector128<byte> b7, ref Vector128<byte> keys)
    {
        Encrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Data + 1));
        Encrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Data + 2));
        Encrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Data + 3));
        Encrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Data + 4));
        Encrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Data + 5));
        Encrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Data + 6));
        Encrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Data + 7));
        Encrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Data + 8));
        Encrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Data + 9));
    }

    /// <summary>Rounds 9..1 of k1, backwards.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void DecryptRounds(
        ref Vector128<byte> b0, ref Vector128<byte> b1, ref Vector128<byte> b2, ref Vector128<byte> b3,
        ref Vector128<byte> b4, ref Vector128<byte> b5, ref Vector128<byte> b6, ref Vector128<byte> b7, ref Vector128<byte> keys)
    {
        Decrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Inverse + 9));
        Decrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Inverse + 8));
        Decrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Inverse + 7));
        Decrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Inverse + 6));
        Decrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Inverse + 5));
        Decrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Inverse + 4));
        Decrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Inverse + 3));
        Decrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Inverse + 2));
        Decrypt(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, Key(ref keys, AesNiKeys.Inverse + 1));
    }

    /// <summary>Rounds 3..10 of k2: from the state after round 2 to U.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TweakRounds(
        ref Vector128<byte> t0, ref Vector128<byte> t1, ref Vector128<byte> t2, ref Vector128<byte> t3,
        ref Vector128<byte> t4, ref Vector128<byte> t5, ref Vector128<byte> t6, ref Vector128<byte> t7, ref Vector128<byte> keys)
    {
        Encrypt(ref t0, ref t1, ref t2, ref t3, ref t4, ref t5, ref t6, ref t7, Key(ref keys, AesNiKeys.Tweak + 3));
        Encrypt(ref t0, ref t1, ref t2, ref t3, ref t4, ref t5, ref t6, ref t7, Key(ref keys, AesNiKeys.Tweak + 4));
        Encrypt(ref t0, ref t1, ref t2, ref t3, ref t4, ref t5, ref t6, ref t7, Key(ref keys, AesNiKeys.Tweak + 5));
        Encrypt(ref t0, ref t1, ref t2, ref t3, ref t4, ref t5, ref t6, ref t7, Key(ref keys, AesNiKeys.Tweak + 6));
        Encrypt(ref t0, ref t1, ref t2, ref t3, ref t4, ref t5, ref t6, ref t7, Key(ref keys, AesNiKeys.Tweak + 7));
        Encrypt(ref t0, ref t1, ref t2, ref t3, ref t4, ref t5, ref t6, ref t7, Key(ref keys, AesNiKeys.Tweak + 8));
        Encrypt(ref t0, ref t1, ref t2, ref t3, ref t4, ref t5, ref t6, ref t7, Key(ref keys, AesNiKeys.Tweak + 9));
        EncryptLast(ref t0, ref t1, ref t2, ref t3, ref t4, ref t5, ref t6, ref t7, Key(ref keys, AesNiKeys.Tweak + 10));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Key(ref Vector128<byte> keys, int slot) => Unsafe.Add(ref keys, slot);
}
