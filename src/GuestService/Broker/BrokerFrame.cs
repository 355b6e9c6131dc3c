using System.Buffers.Binary;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Service.Broker;

/// <summary>One frame from the broker to a client, and how requests and frames are laid out (docs/protocol.md).</summary>
/// <param name="Kind">1 = fd, 2 = error, 3 = revoked, 4 = share token.</param>
/// <param name="Errno">Error, of kind 2.</param>
/// <param name="Flags">Bit 0: read-only.</param>
/// <param name="BackingId">Identity of the memory, of kinds 1 and 3.</param>
/// <param name="Size">Bytes of the memfd, of kind 1; of the dma-buf, of kind 4.</param>
/// <param name="Token">The token that is answered, of kinds 1 and 2; the share token, of kind 4.</param>
internal readonly record struct BrokerFrame(uint Kind, Errno Errno, uint Flags, ulong BackingId, ulong Size, Handle128 Token)
{
    /// <summary>Bytes of a request.</summary>
    public const int RequestBytes = 32;

    /// <summary>Bytes of an answer or event.</summary>
    public const int FrameBytes = 48;

    /// <summary>"CGB1".</summary>
    public const uint Magic = 0x31424743;

    /// <summary>A token becomes an fd.</summary>
    public const uint Redeem = 1;

    /// <summary>An fd becomes a share token.</summary>
    public const uint Share = 2;

    private const uint FdKind = 1;
    private const uint ErrorKind = 2;
    private const uint RevokedKind = 3;
    private const uint ShareTokenKind = 4;
    private const uint ReadOnlyFlag = 1;

    /// <summary>The answer that carries an fd.</summary>
    public static BrokerFrame Fd(VisibleBacking backing, Handle128 token) =>
        new(FdKind, Errno.None, backing.ReadOnly ? ReadOnlyFlag : 0, backing.Id, backing.Size, token);

    /// <summary>The answer that says why there is no fd.</summary>
    public static BrokerFrame Error(Errno errno, Handle128 token) => new(ErrorKind, errno, 0, 0, 0, token);

    /// <summary>The event that memory was taken back.</summary>
    public static BrokerFrame Revoked(ulong backingId) => new(RevokedKind, Errno.None, 0, backingId, 0, default);

    /// <summary>The answer to a dma-buf's fd.</summary>
    public static BrokerFrame ShareToken(Handle128 token, ulong size) => new(ShareTokenKind, Errno.None, 0, 0, size, token);

    /// <summary>Reads a request of <see cref="RequestBytes"/>.</summary>
    /// <returns>The operation; null for a wrong magic, an unknown operation, a token where none belongs, or a tail that is
    /// not zero.</returns>
    public static uint? ReadRequest(ReadOnlySpan<byte> request, out Handle128 token)
    {
        token = Handle128.FromBytes(request[8..24]);
        uint operation = BinaryPrimitives.ReadUInt32LittleEndian(request[4..]);
        bool known = operation == Redeem || (operation == Share && token == default);
        return known && BinaryPrimitives.ReadUInt32LittleEndian(request) == Magic
            && BinaryPrimitives.ReadUInt64LittleEndian(request[24..]) == 0
            ? operation : null;
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
