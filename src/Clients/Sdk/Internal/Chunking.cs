using Google.Protobuf;

namespace CocoGuest.Client.Internal;

/// <summary>Size of the pieces in which bytes go through gRPC: below the large object heap's limit, where the copies are fastest.</summary>
internal static class Chunking
{
    public const int Bytes = 64 << 10;

    /// <summary>The bytes of an answer, which must be as many as were asked for.</summary>
    /// <exception cref="InvalidDataException">The server sent another number of bytes.</exception>
    public static ReadOnlySpan<byte> Expect(ByteString data, int length) => data.Length == length
        ? data.Span
        : throw new InvalidDataException($"The server sent {data.Length} bytes where {length} were asked for.");
}
