using System.Buffers.Binary;

namespace CocoGuest.Client.Internal;

/// <summary>The frames of the fd broker (docs/protocol.md), byte for byte.</summary>
/// <param name="Kind">1 = fd, 2 = error, 3 = revoked.</param>
/// <param name="Errno">Errno of kind 2.</param>
/// <param name="ReadOnly">The fd of kind 1 may only be mapped for reading.</param>
/// <param name="BackingId">Identity of the memory, kinds 1 and 3.</param>
/// <param name="Size">Bytes of the memfd, kind 1.</param>
/// <param name="Token">The token that is answered, kinds 1 and 2.</param>
internal readonly record struct BrokerFrame(uint Kind, int Errno, bool ReadOnly, ulong BackingId, ulong Size, UInt128 Token)
{
    public const uint Magic = 0x31424743;
    public const int RequestLength = 32;
    public const int AnswerLength = 48;
    public const uint KindFd = 1;
    public const uint KindError = 2;
    public const uint KindRevoked = 3;
    private const uint Redeem = 1;

    public static void WriteRedeem(Span<byte> frame, UInt128 token)
    {
        frame[..RequestLength].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(frame, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], Redeem);
        // "In the order written": the first two hex digits are the first byte.
        BinaryPrimitives.WriteUInt128BigEndian(frame[8..], token);
    }

    /// <summary>Reads an answer.</summary>
    /// <exception cref="InvalidDataException">The peer does not speak the broker's protocol.</exception>
    public static BrokerFrame Parse(ReadOnlySpan<byte> frame)
    {
        uint magic = BinaryPrimitives.ReadUInt32LittleEndian(frame);
        if (magic != Magic)
            throw new InvalidDataException($"The broker's frame starts with 0x{magic:x8} instead of 0x{Magic:x8}.");
        return new BrokerFrame(
            BinaryPrimitives.ReadUInt32LittleEndian(frame[4..]),
            BinaryPrimitives.ReadInt32LittleEndian(frame[8..]),
            (BinaryPrimitives.ReadUInt32LittleEndian(frame[12..]) & 1) != 0,
            BinaryPrimitives.ReadUInt64LittleEndian(frame[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(frame[24..]),
            BinaryPrimitives.ReadUInt128BigEndian(frame[32..]));
    }

    /// <summary>Reads a token of 32 hex digits.</summary>
    /// <exception cref="ArgumentException">Not 32 hex digits.</exception>
    public static UInt128 ParseToken(string token)
    {
        if (token.Length != 32 || !UInt128.TryParse(token, System.Globalization.NumberStyles.AllowHexSpecifier, null, out UInt128 value))
            throw new ArgumentException("A token is 32 hex digits.", nameof(token));
        return value;
    }
}
