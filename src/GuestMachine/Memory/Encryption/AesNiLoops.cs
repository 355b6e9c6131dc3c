using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CocoGuest.Machine.Memory.Encryption;

/// <summary>
/// The loops of <see cref="AesNiKernel"/>: eight blocks at a time, because the AES unit takes two instructions per cycle and answers
/// four cycles later. Loops are not inlined into callers and rounds are written out, else the JIT spills the blocks (measured: a
/// third of the speed). The caller has checked lengths; all loads and stores stay below <c>length</c>, a multiple of 16.
/// </summary>
internal static partial class AesNiLoops
{
    private const int BlockSize = XexKernel.BlockSize;
    private const int Step = 8 * BlockSize;

    // SAFETY (all loops): Unsafe.Add and LoadUnsafe/StoreUnsafe stay inside from/to/tweaks/table, each of which holds length bytes
    // from where it points, and keys has AesNiKeys.Count slots.
    /// <summary>Encrypts with known tweaks.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Encrypt(ref byte from, ref byte to, nuint length, ref byte tweaks, ref Vector128<byte> keys)
    {
        nuint at = 0;
        for (; length - at >= Step; at += Step)
        {
            var t0 = Vector128.LoadUnsafe(ref tweaks, at);
            var t1 = Vector128.LoadUnsafe(ref tweaks, at + 16);
            var t2 = Vector128.LoadUnsafe(ref tweaks, at + 32);
            var t3 = Vector128.LoadUnsafe(ref tweaks, at + 48);
            var t4 = Vector128.LoadUnsafe(ref tweaks, at + 64);
            var t5 = Vector128.LoadUnsafe(ref tweaks, at + 80);
            var t6 = Vector128.LoadUnsafe(ref tweaks, at + 96);
            var t7 = Vector128.LoadUnsafe(ref tweaks, at + 112);
            Vector128<byte> ends = Key(ref keys, AesNiKeys.Data);
            Vector128<byte> b0 = Vector128.LoadUnsafe(ref from, at) ^ t0;
            Vector128<byte> b1 = Vector128.LoadUnsafe(ref from, at + 16) ^ t1;
            Vector128<byte> b2 = Vector128.LoadUnsafe(ref from, at + 32) ^ t2;
            Vector128<byte> b3 = Vector128.LoadUnsafe(ref from, at + 48) ^ t3;
            Vector128<byte> b4 = Vector128.LoadUnsafe(ref from, at + 64) ^ t4;
            Vector128<byte> b5 = Vector128.LoadUnsafe(ref from, at + 80) ^ t5;
            Vector128<byte> b6 = Vector128.LoadUnsafe(ref from, at + 96) ^ t6;
            Vector128<byte> b7 = Vector128.LoadUnsafe(ref from, at + 112) ^ t7;
            EncryptRounds(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, ref keys);
            Aes.EncryptLast(b0, t0 ^ ends).StoreUnsafe(ref to, at);
            Aes.EncryptLast(b1, t1 ^ ends).StoreUnsafe(ref to, at + 16);
            Aes.EncryptLast(b2, t2 ^ ends).StoreUnsafe(ref to, at + 32);
            Aes.EncryptLast(b3, t3 ^ ends).StoreUnsafe(ref to, at + 48);
            Aes.EncryptLast(b4, t4 ^ ends).StoreUnsafe(ref to, at + 64);
            Aes.EncryptLast(b5, t5 ^ ends).StoreUnsafe(ref to, at + 80);
            Aes.EncryptLast(b6, t6 ^ ends).StoreUnsafe(ref to, at + 96);
            Aes.EncryptLast(b7, t7 ^ ends).StoreUnsafe(ref to, at + 112);
        }
        for (; at < length; at += BlockSize)
        {
            var t = Vector128.LoadUnsafe(ref tweaks, at);
            EncryptBlock(Vector128.LoadUnsafe(ref from, at), t, ref keys).StoreUnsafe(ref to, at);
        }
    }

    /// <summary>Decrypts with known tweaks.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Decrypt(ref byte from, ref byte to, nuint length, ref byte tweaks, ref Vector128<byte> keys)
    {
        nuint at = 0;
        for (; length - at >= Step; at += Step)
        {
            var t0 = Vector128.LoadUnsafe(ref tweaks, at);
            var t1 = Vector128.LoadUnsafe(ref tweaks, at + 16);
            var t2 = Vector128.LoadUnsafe(ref tweaks, at + 32);
            var t3 = Vector128.LoadUnsafe(ref tweaks, at + 48);
            var t4 = Vector128.LoadUnsafe(ref tweaks, at + 64);
            var t5 = Vector128.LoadUnsafe(ref tweaks, at + 80);
            var t6 = Vector128.LoadUnsafe(ref tweaks, at + 96);
            var t7 = Vector128.LoadUnsafe(ref tweaks, at + 112);
            Vector128<byte> ends = Key(ref keys, AesNiKeys.Data);
            Vector128<byte> b0 = Vector128.LoadUnsafe(ref from, at) ^ t0 ^ ends;
            Vector128<byte> b1 = Vector128.LoadUnsafe(ref from, at + 16) ^ t1 ^ ends;
            Vector128<byte> b2 = Vector128.LoadUnsafe(ref from, at + 32) ^ t2 ^ ends;
            Vector128<byte> b3 = Vector128.LoadUnsafe(ref from, at + 48) ^ t3 ^ ends;
            Vector128<byte> b4 = Vector128.LoadUnsafe(ref from, at + 64) ^ t4 ^ ends;
            Vector128<byte> b5 = Vector128.LoadUnsafe(ref from, at + 80) ^ t5 ^ ends;
            Vector128<byte> b6 = Vector128.LoadUnsafe(ref from, at + 96) ^ t6 ^ ends;
            Vector128<byte> b7 = Vector128.LoadUnsafe(ref from, at + 112) ^ t7 ^ ends;
            DecryptRounds(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, ref keys);
            Aes.DecryptLast(b0, t0).StoreUnsafe(ref to, at);
            Aes.DecryptLast(b1, t1).StoreUnsafe(ref to, at + 16);
            Aes.DecryptLast(b2, t2).StoreUnsafe(ref to, at + 32);
            Aes.DecryptLast(b3, t3).StoreUnsafe(ref to, at + 48);
            Aes.DecryptLast(b4, t4).StoreUnsafe(ref to, at + 64);
            Aes.DecryptLast(b5, t5).StoreUnsafe(ref to, at + 80);
            Aes.DecryptLast(b6, t6).StoreUnsafe(ref to, at + 96);
            Aes.DecryptLast(b7, t7).StoreUnsafe(ref to, at + 112);
        }
        for (; at < length; at += BlockSize)
        {
            var t = Vector128.LoadUnsafe(ref tweaks, at);
            DecryptBlock(Vector128.LoadUnsafe(ref from, at), t, ref keys).StoreUnsafe(ref to, at);
        }
    }

    /// <summary>Encrypts and makes the tweaks on the way, see <see cref="MakeTweaks"/>.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void EncryptFresh(
        ref byte from, ref byte to, nuint length, ref Vector128<byte> table, Vector128<byte> page, ref Vector128<byte> keys)
    {
        nuint at = 0;
        for (; length - at >= Step; at += Step)
        {
            Vector128<byte> t0 = Unsafe.Add(ref table, at / BlockSize) ^ page;
            Vector128<byte> t1 = Unsafe.Add(ref table, at / BlockSize + 1) ^ page;
            Vector128<byte> t2 = Unsafe.Add(ref table, at / BlockSize + 2) ^ page;
            Vector128<byte> t3 = Unsafe.Add(ref table, at / BlockSize + 3) ^ page;
            Vector128<byte> t4 = Unsafe.Add(ref table, at / BlockSize + 4) ^ page;
            Vector128<byte> t5 = Unsafe.Add(ref table, at / BlockSize + 5) ^ page;
            Vector128<byte> t6 = Unsafe.Add(ref table, at / BlockSize + 6) ^ page;
            Vector128<byte> t7 = Unsafe.Add(ref table, at / BlockSize + 7) ^ page;
            TweakRounds(ref t0, ref t1, ref t2, ref t3, ref t4, ref t5, ref t6, ref t7, ref keys);
            Vector128<byte> ends = Key(ref keys, AesNiKeys.Data);
            Vector128<byte> b0 = Vector128.LoadUnsafe(ref from, at) ^ t0;
            Vector128<byte> b1 = Vector128.LoadUnsafe(ref from, at + 16) ^ t1;
            Vector128<byte> b2 = Vector128.LoadUnsafe(ref from, at + 32) ^ t2;
            Vector128<byte> b3 = Vector128.LoadUnsafe(ref from, at + 48) ^ t3;
            Vector128<byte> b4 = Vector128.LoadUnsafe(ref from, at + 64) ^ t4;
            Vector128<byte> b5 = Vector128.LoadUnsafe(ref from, at + 80) ^ t5;
            Vector128<byte> b6 = Vector128.LoadUnsafe(ref from, at + 96) ^ t6;
            Vector128<byte> b7 = Vector128.LoadUnsafe(ref from, at + 112) ^ t7;
            EncryptRounds(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, ref keys);
            Aes.EncryptLast(b0, t0 ^ ends).StoreUnsafe(ref to, at);
            Aes.EncryptLast(b1, t1 ^ ends).StoreUnsafe(ref to, at + 16);
            Aes.EncryptLast(b2, t2 ^ ends).StoreUnsafe(ref to, at + 32);
            Aes.EncryptLast(b3, t3 ^ ends).StoreUnsafe(ref to, at + 48);
            Aes.EncryptLast(b4, t4 ^ ends).StoreUnsafe(ref to, at + 64);
            Aes.EncryptLast(b5, t5 ^ ends).StoreUnsafe(ref to, at + 80);
            Aes.EncryptLast(b6, t6 ^ ends).StoreUnsafe(ref to, at + 96);
            Aes.EncryptLast(b7, t7 ^ ends).StoreUnsafe(ref to, at + 112);
        }
        for (; at < length; at += BlockSize)
        {
            Vector128<byte> t = TweakFrom(Unsafe.Add(ref table, at / BlockSize) ^ page, ref keys);
            EncryptBlock(Vector128.LoadUnsafe(ref from, at), t, ref keys).StoreUnsafe(ref to, at);
        }
    }

    /// <summary>Decrypts and makes the tweaks on the way, see <see cref="MakeTweaks"/>.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void DecryptFresh(
        ref byte from, ref byte to, nuint length, ref Vector128<byte> table, Vector128<byte> page, ref Vector128<byte> keys)
    {
        nuint at = 0;
        for (; length - at >= Step; at += Step)
        {
            Vector128<byte> t0 = Unsafe.Add(ref table, at / BlockSize) ^ page;
            Vector128<byte> t1 = Unsafe.Add(ref table, at / BlockSize + 1) ^ page;
            Vector128<byte> t2 = Unsafe.Add(ref table, at / BlockSize + 2) ^ page;
            Vector128<byte> t3 = Unsafe.Add(ref table, at / BlockSize + 3) ^ page;
            Vector128<byte> t4 = Unsafe.Add(ref table, at / BlockSize + 4) ^ page;
            Vector128<byte> t5 = Unsafe.Add(ref table, at / BlockSize + 5) ^ page;
            Vector128<byte> t6 = Unsafe.Add(ref table, at / BlockSize + 6) ^ page;
            Vector128<byte> t7 = Unsafe.Add(ref table, at / BlockSize + 7) ^ page;
            TweakRounds(ref t0, ref t1, ref t2, ref t3, ref t4, ref t5, ref t6, ref t7, ref keys);
            Vector128<byte> ends = Key(ref keys, AesNiKeys.Data);
            Vector128<byte> b0 = Vector128.LoadUnsafe(ref from, at) ^ t0 ^ ends;
            Vector128<byte> b1 = Vector128.LoadUnsafe(ref from, at + 16) ^ t1 ^ ends;
            Vector128<byte> b2 = Vector128.LoadUnsafe(ref from, at + 32) ^ t2 ^ ends;
            Vector128<byte> b3 = Vector128.LoadUnsafe(ref from, at + 48) ^ t3 ^ ends;
            Vector128<byte> b4 = Vector128.LoadUnsafe(ref from, at + 64) ^ t4 ^ ends;
            Vector128<byte> b5 = Vector128.LoadUnsafe(ref from, at + 80) ^ t5 ^ ends;
            Vector128<byte> b6 = Vector128.LoadUnsafe(ref from, at + 96) ^ t6 ^ ends;
            Vector128<byte> b7 = Vector128.LoadUnsafe(ref from, at + 112) ^ t7 ^ ends;
            DecryptRounds(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, ref keys);
            Aes.DecryptLast(b0, t0).StoreUnsafe(ref to, at);
            Aes.DecryptLast(b1, t1).StoreUnsafe(ref to, at + 16);
            Aes.DecryptLast(b2, t2).StoreUnsafe(ref to, at + 32);
            Aes.DecryptLast(b3, t3).StoreUnsafe(ref to, at + 48);
            Aes.DecryptLast(b4, t4).StoreUnsafe(ref to, at + 64);
            Aes.DecryptLast(b5, t5).StoreUnsafe(ref to, at + 80);
            Aes.DecryptLast(b6, t6).StoreUnsafe(ref to, at + 96);
            Aes.DecryptLast(b7, t7).StoreUnsafe(ref to, at + 112);
        }
        for (; at < length; at += BlockSize)
        {
            Vector128<byte> t = TweakFrom(Unsafe.Add(ref table, at / BlockSize) ^ page, ref keys);
            DecryptBlock(Vector128.LoadUnsafe(ref from, at), t, ref keys).StoreUnsafe(ref to, at);
        }
    }

    /// <summary>
    /// Fills in tweaks from the state after round 2, which is <paramref name="table"/>[block] xor <paramref name="page"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void MakeTweaks(
        ref byte tweaks, nuint length, ref Vector128<byte> table, Vector128<byte> page, ref Vector128<byte> keys)
    {
        nuint at = 0;
        for (; length - at >= Step; at += Step)
        {
            Vector128<byte> t0 = Unsafe.Add(ref table, at / BlockSize) ^ page;
            Vector128<byte> t1 = Unsafe.Add(ref table, at / BlockSize + 1) ^ page;
            Vector128<byte> t2 = Unsafe.Add(ref table, at / BlockSize + 2) ^ page;
            Vector128<byte> t3 = Unsafe.Add(ref table, at / BlockSize + 3) ^ page;
            Vector128<byte> t4 = Unsafe.Add(ref table, at / BlockSize + 4) ^ page;
            Vector128<byte> t5 = Unsafe.Add(ref table, at / BlockSize + 5) ^ page;
            Vector128<byte> t6 = Unsafe.Add(ref table, at / BlockSize + 6) ^ page;
            Vector128<byte> t7 = Unsafe.Add(ref table, at / BlockSize + 7) ^ page;
            TweakRounds(ref t0, ref t1, ref t2, ref t3, ref t4, ref t5, ref t6, ref t7, ref keys);
            t0.StoreUnsafe(ref tweaks, at);
            t1.StoreUnsafe(ref tweaks, at + 16);
            t2.StoreUnsafe(ref tweaks, at + 32);
            t3.StoreUnsafe(ref tweaks, at + 48);
            t4.StoreUnsafe(ref tweaks, at + 64);
            t5.StoreUnsafe(ref tweaks, at + 80);
            t6.StoreUnsafe(ref tweaks, at + 96);
            t7.StoreUnsafe(ref tweaks, at + 112);
        }
        for (; at < length; at += BlockSize)
            TweakFrom(Unsafe.Add(ref table, at / BlockSize) ^ page, ref keys).StoreUnsafe(ref tweaks, at);
    }
}
