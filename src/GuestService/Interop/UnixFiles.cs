using System.Runtime.InteropServices;

namespace CocoGuest.Service.Interop;

/// <summary>What .NET does not tell of a file: its owner and whether it is a socket.</summary>
internal static partial class UnixFiles
{
    /// <summary>Owner and type of a file, without following a link at its end.</summary>
    /// <returns>Null where there is none.</returns>
    public static unsafe UnixFileStatus? StatusOf(string path)
    {
        const int currentFolder = -100;
        const int noFollow = 0x100;
        const uint typeModeUser = 0x1 | 0x2 | 0x8;
        Statx status;
        return ReadStatus(currentFolder, path, noFollow, typeModeUser, &status) == 0
            ? new UnixFileStatus(status.User, (UnixFileType)(status.Mode & 0xf000), (UnixFileMode)(status.Mode & 0xfff))
            : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int ReadStatus(int folder, string path, int flags, uint mask, Statx* status);

    /// <summary>The head of struct statx, padded to its size of 256 bytes.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Statx
    {
        [FieldOffset(20)]
        public uint User;

        [FieldOffset(28)]
        public ushort Mode;
    }
}
