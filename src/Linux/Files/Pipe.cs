using System.ComponentModel;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Linux.Files;

/// <summary>pipe(2).</summary>
internal static unsafe class Pipe
{
    /// <summary>A pipe: its read end, and its write end, which never blocks.</summary>
    /// <exception cref="Win32Exception">The host has no fds left.</exception>
    public static (SafeFileHandle Read, SafeFileHandle Write) Create()
    {
        int* ends = stackalloc int[2];
        if (Libc.Pipe2(ends, Libc.OCloexec) != 0)
        {
            throw new Win32Exception();
        }

        var pair = (Read: new SafeFileHandle(ends[0], ownsHandle: true), Write: new SafeFileHandle(ends[1], ownsHandle: true));
        _ = Libc.Fcntl(pair.Write, Libc.FSetfl, Libc.ONonblock);
        return pair;
    }

    /// <summary>Writes; false when it is full, or when nobody has the other end or this one any more.</summary>
    public static bool TryWrite(SafeFileHandle pipe, ReadOnlySpan<byte> bytes)
    {
        try
        {
            fixed (byte* first = bytes)
            {
                return Libc.Write(pipe, first, (nuint)bytes.Length) == bytes.Length;
            }
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }
}
