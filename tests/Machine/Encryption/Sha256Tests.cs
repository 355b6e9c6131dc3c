using System.Security.Cryptography;
using CocoGuest.Machine.Memory.Encryption;

namespace CocoGuest.Tests.Machine.Encryption;

/// <summary>The hash of our own gives what the framework's gives.</summary>
public sealed class Sha256Tests
{
    public static TheoryData<int> Lengths => [0, 1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 1000, 100_003];

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Of_Bytes_IsTheStandardsHash(int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            bytes[i] = (byte)(i * 7);
        }

        Assert.Equal(SHA256.HashData(bytes), Sha256.Of(bytes));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(65)]
    public void Append_InPieces_IsTheHashOfTheWhole(int piece)
    {
        byte[] bytes = [.. Enumerable.Range(0, 1000).Select(i => (byte)i)];
        var hash = new Sha256();
        foreach (byte[] chunk in bytes.Chunk(piece))
        {
            hash.Append(chunk);
        }

        Assert.Equal(SHA256.HashData(bytes), hash.Finish());
    }
}
