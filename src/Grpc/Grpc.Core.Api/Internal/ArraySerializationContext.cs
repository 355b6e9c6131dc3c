namespace Grpc.Core.Internal;

/// <summary>Takes one message as an array, for marshallers that are called outside of a call. It has no buffer to write into.</summary>
internal sealed class ArraySerializationContext : SerializationContext
{
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
}
