using System.Buffers;

namespace Grpc.Core;

/// <summary>Gives the bytes of one message that is being read. They are valid only while the message is parsed.</summary>
public abstract class DeserializationContext
{
    /// <summary>The length of the message in bytes.</summary>
    public abstract int PayloadLength { get; }

    /// <summary>Copies the message to an array that the caller owns.</summary>
    /// <returns>The bytes of the message.</returns>
    public virtual byte[] PayloadAsNewBuffer() => throw NotProvided();

    /// <summary>Gives the message without a copy.</summary>
    /// <returns>The bytes of the message, in one or more pieces.</returns>
    public virtual ReadOnlySequence<byte> PayloadAsReadOnlySequence() => throw NotProvided();

    private NotSupportedException NotProvided() => new($"{GetType()} does not provide this way to read a message.");
}
