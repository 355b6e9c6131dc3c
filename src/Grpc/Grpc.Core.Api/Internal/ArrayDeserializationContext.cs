namespace Grpc.Core.Internal;

/// <summary>Gives one message as an array, for marshallers that are called outside of a call.</summary>
internal sealed class ArrayDeserializationContext(byte[] payload) : DeserializationContext
{
    /// <inheritdoc/>
    public override int PayloadLength => payload.Length;

    /// <inheritdoc/>
    public override byte[] PayloadAsNewBuffer() => payload.AsSpan().ToArray();
}
