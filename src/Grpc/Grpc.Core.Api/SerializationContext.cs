using System.Buffers;

namespace Grpc.Core;

/// <summary>
/// Takes the bytes of one message that is being written. A message is handed over once, by one of the two <c>Complete</c>.
/// </summary>
public abstract class SerializationContext
{
    /// <summary>Hands over the whole message; the array must not change afterwards.</summary>
    /// <param name="payload">The bytes of the message.</param>
    public virtual void Complete(byte[] payload) => throw NotProvided();

    /// <summary>Gives the buffer that the message is written into, to be ended by <see cref="Complete()"/>.</summary>
    /// <returns>The buffer.</returns>
    public virtual IBufferWriter<byte> GetBufferWriter() => throw NotProvided();

    /// <summary>Tells the length in advance, so that nothing has to be copied. Optional; call it before the buffer is taken.</summary>
    /// <param name="payloadLength">The length in bytes.</param>
    public virtual void SetPayloadLength(int payloadLength)
    {
    }

    /// <summary>Ends a message that went into <see cref="GetBufferWriter"/>.</summary>
    public virtual void Complete() => throw NotProvided();

    private NotSupportedException NotProvided() => new($"{GetType()} does not provide this way to write a message.");
}
