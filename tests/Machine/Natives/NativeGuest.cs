using CocoGuest.Machine;
using CocoGuest.Machine.Files;

namespace CocoGuest.Tests.Machine.Natives;

/// <summary>Short words for what a supervisor of native processes does.</summary>
internal static class NativeGuest
{
    public const int Floor = 3072;
    public const int Limit = 4096;

    public static GuestProcess OpenNative(this Guest guest, string name = "native") => guest.Natives.Open(name, 0, 0, Floor, Limit).Value;

    /// <summary>A buffer of a native process: its fd, and the host's file.</summary>
    public static (int Fd, NativeFile File) Make(this Guest guest, GuestProcess process, string heap, ulong length = 8192, uint fdFlags = 2)
    {
        int fd = guest.Heaps.Allocate(process, heap, length, fdFlags, 0).Value.Fd;
        return (fd, guest.Natives.Adopt(process, fd).Value);
    }

    /// <summary>What a native process has mapped, as a file.</summary>
    public static FileStream OpenFile(this Guest guest, NativeFile file, FileAccess access = FileAccess.ReadWrite) =>
        new(guest.Natives.OpenMemory(file).Value, access, 1);

    public static byte[] Read(this FileStream file, int length, long offset = 0)
    {
        byte[] bytes = new byte[length];
        Assert.Equal(length, RandomAccess.Read(file.SafeFileHandle, bytes, offset));
        return bytes;
    }

    public static void Write(this FileStream file, ReadOnlySpan<byte> bytes, long offset = 0) =>
        RandomAccess.Write(file.SafeFileHandle, bytes, offset);
}
