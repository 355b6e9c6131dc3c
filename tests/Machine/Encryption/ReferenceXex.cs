using System.Security.Cryptography;
using System.Text;

namespace CocoGuest.Tests.Machine.Encryption;

/// <summary>S-ENC-06 as it is written, one block at a time, by the framework's AES. Shares nothing with the engine.</summary>
internal sealed class ReferenceXex : IDisposable
{
    private readonly Aes _data = Aes.Create();
    private readonly Aes _tweak = Aes.Create();

    public ReferenceXex(ulong seed, int keyId)
    {
        byte[] label = Encoding.ASCII.GetBytes("CocoGuest memory encryption key v1\0");
        byte[] message = [.. label, .. BitConverter.GetBytes(seed), .. BitConverter.GetBytes(keyId)];
        byte[] hash = SHA256.HashData(message);
        _data.Key = hash[..16];
        _tweak.Key = hash[16..];
    }

    /// <summary>A planted bug for the comparison: the tweak takes the byte address instead of address / 16.</summary>
    public bool WrongTweak { get; init; }

    public byte[] Encrypt(byte[] plain, ulong address)
    {
        byte[] cipher = new byte[plain.Length];
        for (int at = 0; at < plain.Length; at += 16)
        {
            ulong block = address + (ulong)at;
            byte[] tweak = _tweak.EncryptEcb([.. BitConverter.GetBytes(WrongTweak ? block : block / 16), .. new byte[8]], PaddingMode.None);
            byte[] inside = _data.EncryptEcb(Xor(plain[at..(at + 16)], tweak), PaddingMode.None);
            Xor(inside, tweak).CopyTo(cipher, at);
        }
        return cipher;
    }

    public void Dispose()
    {
        _data.Dispose();
        _tweak.Dispose();
    }

    private static byte[] Xor(byte[] left, byte[] right) => [.. left.Zip(right, (l, r) => (byte)(l ^ r))];
}
