using System.Buffers;

namespace Grpc.Core.Internal;

/// <summary>Collects one message into an array, for marshallers that are called outside of a call.</summary>
internal sealed class ArraySerializationContext : SerializationContext
{
    private ArrayBufferWriter<byte>? _writer;
    private byte[]? _payload;

    /// <summary>The message; an error if the serializer did not complete it.</summary>
    internal byte[] Payload => _payload ?? throw new InvalidOperationException("The serializer returned without completing the message.");

    /// <inheritdoc/>
    public override void Complete(byte[] payload)
    {
        ArgumentNullException.ThrowIfNull(payload);
        if (_payload is not null)
        {
            throw new InvalidOperationException("The message is complete already.");
        }

        _payload = payload;
    }

    /// <inheritdoc/>
    public override IBufferWriter<byte> GetBufferWriter() => _writer ??= new ArrayBufferWriter<byte>();

    /// <inheritdoc/>
    public override void SetPayloadLength(int payloadLength)
    {
        if (payloadLength > 0)
        {
            _writer ??= new ArrayBufferWriter<byte>(payloadLength);
        }
    }

    /// <inheritdoc/>
    public override void Complete() => Complete(_writer?.WrittenSpan.ToArray() ?? []);
}
