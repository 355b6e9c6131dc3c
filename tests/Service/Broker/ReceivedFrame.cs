using System.Buffers.Binary;
using CocoGuest.Machine.Abi;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Service.Broker;

/// <summary>A frame as a client reads it.</summary>
internal sealed record ReceivedFrame(uint Kind, Errno Errno, uint Flags, ulong BackingId, ulong Size, string Token, SafeFileHandle? Fd)
    : IDisposable
{
    private const uint Magic = 0x31424743;

    /// <summary>Reads the 48 bytes of a frame.</summary>
    public static ReceivedFrame Read(ReadOnlySpan<byte> frame, SafeFileHandle? fd)
    {
        Assert.Equal(Magic, BinaryPrimitives.ReadUInt32LittleEndian(frame));
        return new ReceivedFrame(
            BinaryPrimitives.ReadUInt32LittleEndian(frame[4..]),
            (Errno)BinaryPrimitives.ReadUInt32LittleEndian(frame[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(frame[12..]),
            BinaryPrimitives.ReadUInt64LittleEndian(frame[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(frame[24..]),
            Convert.ToHexStringLower(frame[32..]),
            fd);
    }

    /// <summary>Reads bytes of the memory behind the fd.</summary>
    public string ReadText(long offset, int length)
    {
        byte[] bytes = new byte[length];
        RandomAccess.Read(Fd!, bytes, offset);
        return System.Text.Encoding.UTF8.GetString(bytes);
    }

    public void Dispose() => Fd?.Dispose();
}
