using System.Buffers.Binary;
using CocoGuest.Machine;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Service.Broker;

/// <summary>One frame from the broker to a client, and how requests and frames are laid out (docs/protocol.md).</summary>
/// <param name="Kind">1 = fd, 2 = error, 3 = revoked.</param>
/// <param name="Errno">Error, of kind 2.</param>
/// <param name="Flags">Bit 0: read-only.</param>
/// <param name="BackingId">Identity of the memory, of kinds 1 and 3.</param>
/// <param name="Size">Bytes of the memfd, of kind 1.</param>
/// <param name="Token">The token that is answered, of kinds 1 and 2.</param>
internal readonly record struct BrokerFrame(uint Kind, Errno Errno, uint Flags, ulong BackingId, ulong Size, Handle128 Token)
{
    /// <summary>Bytes of a request.</summary>
    public const int RequestBytes = 32;

    /// <summary>Bytes of an answer or event.</summary>
    public const int FrameBytes = 48;

    /// <summary>"CGB1".</summary>
    public const uint Magic = 0x31424743;

    private const uint RedeemOperation = 1;
    private const uint FdKind = 1;
    private const uint ErrorKind = 2;
    private const uint RevokedKind = 3;
    private const uint ReadOnlyFlag = 1;

    /// <summary>The answer that carries an fd.</summary>
    public static BrokerFrame Fd(VisibleBacking backing, Handle128 token) =>
        new(FdKind, Errno.None, backing.ReadOnly ? ReadOnlyFlag : 0, backing.Id, backing.Size, token);

    /// <summary>The answer that says why there is no fd.</summary>
    public static BrokerFrame Error(Errno errno, Handle128 token) => new(ErrorKind, errno, 0, 0, 0, token);

    /// <summary>The event that memory was taken back.</summary>
    public static BrokerFrame Revoked(ulong backingId) => new(RevokedKind, Errno.None, 0, backingId, 0, default);

    /// <summary>Reads a request of <see cref="RequestBytes"/>.</summary>
    /// <returns>False for a wrong magic, an unknown operation or a tail that is not zero.</returns>
    public static bool TryReadRequest(ReadOnlySpan<byte> request, out Handle128 token)
    {
        token = Handle128.FromBytes(request[8..24]);
        return BinaryPrimitives.ReadUInt32LittleEndian(request) == Magic
            && BinaryPrimitives.ReadUInt32LittleEndian(request[4..]) == RedeemOperation
            && BinaryPrimitives.ReadUInt64LittleEndian(request[24..]) == 0;
    }

    /// <summary>The frame's <see cref="FrameBytes"/>.</summary>
    public byte[] ToBytes()
    {
        byte[] frame = new byte[FrameBytes];
        Write(frame);
        return frame;
    }

    private void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Kind);
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], (uint)Errno);
        BinaryPrimitives.WriteUInt32LittleEndian(target[12..], Flags);
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], BackingId);
        BinaryPrimitives.WriteUInt64LittleEndian(target[24..], Size);
        Token.WriteBytes(target[32..]);
    }
}
