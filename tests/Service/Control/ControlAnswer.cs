using System.Buffers.Binary;
using System.Text;
using CocoGuest.Machine.Abi;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Service.Control;

/// <summary>An answer as a client of the control protocol reads it.</summary>
internal sealed record ControlAnswer(ushort Operation, Errno Errno, ulong Id, byte[] Body, SafeFileHandle? Fd) : IDisposable
{
    /// <summary>Of a failure: the step that failed.</summary>
    public string Step => Text(48, 64);

    /// <summary>Of a failure: the field at fault.</summary>
    public string Field => Text(112, 32);

    public int Int32(int offset) => BinaryPrimitives.ReadInt32LittleEndian(Body.AsSpan(offset));

    public uint UInt32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(Body.AsSpan(offset));

    public ulong UInt64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(Body.AsSpan(offset));

    public string Hex(int offset) => Convert.ToHexStringLower(Body.AsSpan(offset, 16));

    public string Text(int offset, int bytes = 64) => Encoding.UTF8.GetString(Body.AsSpan(offset, bytes)).TrimEnd('\0');

    /// <summary>Bytes of the memory behind the fd.</summary>
    public string ReadMemory(long offset, int length)
    {
        byte[] bytes = new byte[length];
        RandomAccess.Read(Fd!, bytes, offset);
        return Encoding.UTF8.GetString(bytes);
    }

    public void Dispose() => Fd?.Dispose();
}
