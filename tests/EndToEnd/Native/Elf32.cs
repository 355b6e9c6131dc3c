using System.Buffers.Binary;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary>
/// The smallest 32-bit program, written by hand since a machine's compiler may know no other word size: exit(7) by <c>int 0x80</c>.
/// </summary>
internal static class Elf32
{
    /// <summary>Its exit status where it runs.</summary>
    public const int ExitStatus = 7;

    private const int HeaderBytes = 52;
    private const int SegmentBytes = 32;
    private const uint Base = 0x08048000;

    // mov eax, 1 (exit); mov ebx, 7; int 0x80
    private static readonly byte[] Code = [0xb8, 1, 0, 0, 0, 0xbb, ExitStatus, 0, 0, 0, 0xcd, 0x80];

    /// <summary>Writes it, executable.</summary>
    public static void Write(string path)
    {
        byte[] bytes = new byte[HeaderBytes + SegmentBytes + Code.Length];
        // Magic; 32 bits; little endian; version 1.
        new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 1, 1, 1 }.CopyTo(bytes, 0);
        Put16(bytes, 16, 2);                    // an executable
        Put16(bytes, 18, 3);                    // of an i386
        Put32(bytes, 20, 1);
        Put32(bytes, 24, Base + HeaderBytes + SegmentBytes);
        Put32(bytes, 28, HeaderBytes);          // where the segments' table is
        Put16(bytes, 40, HeaderBytes);
        Put16(bytes, 42, SegmentBytes);
        Put16(bytes, 44, 1);                    // one segment
        Put32(bytes, HeaderBytes, 1);           // loaded
        Put32(bytes, HeaderBytes + 8, Base);
        Put32(bytes, HeaderBytes + 12, Base);
        Put32(bytes, HeaderBytes + 16, (uint)bytes.Length);
        Put32(bytes, HeaderBytes + 20, (uint)bytes.Length);
        Put32(bytes, HeaderBytes + 24, 5);      // read and execute
        Put32(bytes, HeaderBytes + 28, 0x1000);
        Code.CopyTo(bytes, HeaderBytes + SegmentBytes);
        File.WriteAllBytes(path, bytes);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }

    private static void Put16(byte[] bytes, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at), value);

    private static void Put32(byte[] bytes, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), value);
}
