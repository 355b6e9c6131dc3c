using System.Buffers.Binary;

namespace CocoGuest.Machine.Memory.Encryption;

/// <summary>
/// Keys of one ASID or HKID of one guest. Real derivation is not public (S-ENC-06); here both halves come from SHA-256 of a label,
/// the guest's seed and the key id, so that a guest's ciphertext is the same in every run.
/// </summary>
internal static class XexKeys
{
    /// <summary>Bytes of an AES-128 key.</summary>
    public const int KeySize = 16;

    private static ReadOnlySpan<byte> Label => "CocoGuest memory encryption key v1\0"u8;

    /// <summary>Writes k1 (data) and k2 (tweak), 16 bytes each.</summary>
    public static void Derive(ulong guestSeed, int keyId, Span<byte> dataKey, Span<byte> tweakKey)
    {
        Span<byte> message = stackalloc byte[Label.Length + sizeof(ulong) + sizeof(int)];
        Label.CopyTo(message);
        BinaryPrimitives.WriteUInt64LittleEndian(message[Label.Length..], guestSeed);
        BinaryPrimitives.WriteInt32LittleEndian(message[(Label.Length + sizeof(ulong))..], keyId);
        ReadOnlySpan<byte> hash = Sha256.Of(message);
        hash[..KeySize].CopyTo(dataKey);
        hash[KeySize..].CopyTo(tweakKey);
    }
}
