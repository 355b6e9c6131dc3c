using System.Buffers.Binary;
using CocoGuest.RdmaImporter.Keys;

namespace CocoGuest.RdmaImporter.Wire;

/// <summary>
/// The header of a frame between two importers: 40 bytes, little endian, over any byte stream.
/// 0 magic 0x31524743 ("CGR1"); 4 opcode; 5 status; 6 zero (2 bytes); 8 id of the work request; 16 remote address; 24 length in bytes;
/// 32 rkey; 36 zero. Requests are answered in order. After an answer with a status other than SUCCESS the peer closes (S-RDMA-33).
/// </summary>
internal readonly record struct Header(Opcode Opcode, CompletionStatus Status, ulong Id, ulong Address, ulong Length, uint Rkey)
{
    public const int Size = 40;

    /// <summary>Longest message in bytes, as InfiniBand has it.</summary>
    public const ulong MaxMessage = 1UL << 31;

    /// <summary>Bytes of one piece of a message.</summary>
    public const int Piece = 64 << 10;

    private const uint Magic = 0x31524743;

    public void Write(Span<byte> bytes)
    {
        bytes[..Size].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        bytes[4] = (byte)Opcode;
        bytes[5] = (byte)Status;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], Id);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], Address);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[24..], Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[32..], Rkey);
    }

    /// <summary>Reads a header.</summary>
    /// <exception cref="InvalidDataException">The peer does not speak this protocol.</exception>
    public static Header Parse(ReadOnlySpan<byte> bytes)
    {
        uint magic = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        bool wellFormed = magic == Magic && bytes[4] is >= 1 and <= 4 && bytes[5] <= (byte)CompletionStatus.GENERAL_ERR
            && BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]) == 0 && BinaryPrimitives.ReadUInt32LittleEndian(bytes[36..]) == 0;
        if (!wellFormed)
            throw new InvalidDataException($"A frame that starts with 0x{magic:x8}, opcode {bytes[4]}, is not one of this protocol.");
        return new Header(
            (Opcode)bytes[4],
            (CompletionStatus)bytes[5],
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[32..]));
    }
}
