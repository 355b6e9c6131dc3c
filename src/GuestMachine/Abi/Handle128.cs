using System.Buffers.Binary;
using System.Globalization;

namespace CocoGuest.Machine.Abi;

/// <summary>A 128-bit random value that names a process, a secret or a token: a capability, never guessable, never reused.</summary>
/// <param name="High">First eight bytes, big endian.</param>
/// <param name="Low">Last eight bytes, big endian.</param>
public readonly record struct Handle128(ulong High, ulong Low)
{
    /// <summary>Reads 32 hex digits.</summary>
    /// <param name="text">The digits, upper or lower case.</param>
    /// <param name="handle">The value.</param>
    /// <returns>False when the text is anything else.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out Handle128 handle)
    {
        handle = default;
        if (text.Length != 32
            || !ulong.TryParse(text[..16], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong high)
            || !ulong.TryParse(text[16..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong low))
        {
            return false;
        }

        handle = new Handle128(high, low);
        return true;
    }

    /// <summary>The value from its 16 bytes, in the order in which the digits are written.</summary>
    public static Handle128 FromBytes(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));

    /// <summary>Writes the 16 bytes in the order in which the digits are written.</summary>
    public void WriteBytes(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt64BigEndian(target, High);
        BinaryPrimitives.WriteUInt64BigEndian(target[8..], Low);
    }

    /// <summary>32 lower-case hex digits.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{High:x16}{Low:x16}");
}
