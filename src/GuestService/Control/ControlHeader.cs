using System.Buffers.Binary;
using CocoGuest.Machine.Abi;

namespace CocoGuest.Service.Control;

/// <summary>The bytes before the body of every request and answer of the control protocol (docs/protocol.md).</summary>
/// <param name="Version">Version of the protocol.</param>
/// <param name="Operation">What is asked or answered; any number in a request that was not checked yet.</param>
/// <param name="Length">Bytes of the body.</param>
/// <param name="Errno">Answers: none, or why it did not happen. Requests: zero.</param>
/// <param name="Id">Chosen by the client; the answer repeats it.</param>
internal readonly record struct ControlHeader(ushort Version, ControlOperation Operation, uint Length, Errno Errno, ulong Id)
{
    /// <summary>Bytes of a header.</summary>
    public const int Bytes = 24;

    /// <summary>"CGC1".</summary>
    public const uint Magic = 0x31434743;

    /// <summary>The only version so far.</summary>
    public const ushort CurrentVersion = 1;

    /// <summary>Whether these first bytes of a request are the control protocol's, and not a token to redeem.</summary>
    public static bool IsControl(ReadOnlySpan<byte> start) => BinaryPrimitives.ReadUInt32LittleEndian(start) == Magic;

    /// <summary>Reads a header.</summary>
    public static ControlHeader Read(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadUInt16LittleEndian(source[4..]),
        (ControlOperation)BinaryPrimitives.ReadUInt16LittleEndian(source[6..]),
        BinaryPrimitives.ReadUInt32LittleEndian(source[8..]),
        (Errno)BinaryPrimitives.ReadUInt32LittleEndian(source[12..]),
        BinaryPrimitives.ReadUInt64LittleEndian(source[16..]));

    /// <summary>Writes the header's <see cref="Bytes"/>.</summary>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(target[4..], Version);
        BinaryPrimitives.WriteUInt16LittleEndian(target[6..], (ushort)Operation);
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], Length);
        BinaryPrimitives.WriteUInt32LittleEndian(target[12..], (uint)Errno);
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], Id);
    }
}
