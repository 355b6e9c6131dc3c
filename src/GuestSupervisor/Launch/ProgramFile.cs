using CocoGuest.Linux;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Launch;

/// <summary>Finds a program as a shell does. Names are bytes: what is no UTF-8 is a name, too.</summary>
internal static unsafe class ProgramFile
{
    private const int Exists = 0;
    private const int MayExecute = 1;
    private const int EffectiveUser = 0x200;
    private const uint TypeMask = 0xf000;
    private const uint Regular = 0x8000;

    private static readonly byte[] UsualPath = "/usr/local/bin:/usr/bin:/bin"u8.ToArray();

    /// <summary>
    /// A name with a slash is a path, and whether it may be executed is the kernel's to say; another is looked up in PATH among the
    /// files that may. Null: there is none.
    /// </summary>
    public static byte[]? Find(byte[] name, byte[]? path)
    {
        if (name.Contains((byte)'/'))
        {
            return IsThere(name, Exists) ? name : null;
        }

        ReadOnlySpan<byte> rest = path ?? UsualPath;
        while (true)
        {
            int end = rest.IndexOf((byte)':');
            ReadOnlySpan<byte> folder = end < 0 ? rest : rest[..end];
            byte[] candidate = [.. folder.IsEmpty ? "."u8 : folder, (byte)'/', .. name];
            if (IsThere(candidate, MayExecute) && IsRegular(candidate))
            {
                return candidate;
            }

            if (end < 0)
            {
                return null;
            }

            rest = rest[(end + 1)..];
        }
    }

    /// <summary>True for a binary: a shell has no use for one that the kernel refuses.</summary>
    public static bool IsElf(byte[] path)
    {
        if (!IsRegular(path))
        {
            return false;
        }

        Span<byte> head = stackalloc byte[4];
        // What is no file any more must not be waited for.
        using SafeFileHandle file = Open(path, Libc.ORdonly | Libc.ONonblock);
        return !file.IsInvalid && RandomAccess.Read(file, head, 0) == head.Length && head.SequenceEqual("\x7fELF"u8);
    }

    private static bool IsThere(byte[] path, int mode)
    {
        fixed (byte* name = Terminated(path))
        {
            return Libc.Faccessat(Libc.AtFdcwd, name, mode, EffectiveUser) == 0;
        }
    }

    private static bool IsRegular(byte[] path)
    {
        Stat status;
        using SafeFileHandle file = Open(path, Libc.OPath);
        return !file.IsInvalid && Libc.Fstat(file, &status) == 0 && (status.Mode & TypeMask) == Regular;
    }

    private static SafeFileHandle Open(byte[] path, int flags)
    {
        fixed (byte* name = Terminated(path))
        {
            return new SafeFileHandle(Libc.Open(name, flags | Libc.OCloexec), ownsHandle: true);
        }
    }

    private static byte[] Terminated(byte[] path) => [.. path, 0];
}
