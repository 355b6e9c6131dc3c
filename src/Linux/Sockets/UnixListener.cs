using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Linux.Sockets;

/// <summary>
/// A Unix socket bound to a path, whose end leaves the name alone. .NET deletes the file of a socket that it bound when it closes it, by
/// name: by then the name may be another server's.
/// </summary>
public static unsafe class UnixListener
{
    /// <summary>sun_path holds 108 bytes, the last one NUL.</summary>
    public const int LongestPath = 107;

    private const int FamilyBytes = sizeof(ushort);

    /// <summary>Binds; the caller listens.</summary>
    /// <exception cref="IOException">The name is taken, or the folder does not allow it.</exception>
    public static Socket Bind(string path)
    {
        byte[] name = Encoding.UTF8.GetBytes(path);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(name.Length, LongestPath, nameof(path));
        Span<byte> address = stackalloc byte[FamilyBytes + LongestPath + 1];
        address.Clear();
        MemoryMarshal.Write(address, (ushort)Libc.AfUnix);
        name.CopyTo(address[FamilyBytes..]);
        using SafeFileHandle made = new(Libc.Socket(Libc.AfUnix, Libc.SockStream | Libc.SockCloexec, 0), ownsHandle: true);
        if (made.IsInvalid)
        {
            throw new IOException(new Win32Exception().Message);
        }

        // SAFETY: the kernel reads as many bytes of the buffer as it is told.
        fixed (byte* start = address)
        {
            if (Libc.Bind(made, start, (uint)(FamilyBytes + name.Length + 1)) != 0)
            {
                throw new IOException(new Win32Exception().Message);
            }
        }

        // A socket made from a handle does not know the name that it must not delete.
        var handle = new SafeSocketHandle(made.DangerousGetHandle(), ownsHandle: true);
        made.SetHandleAsInvalid();
        return new Socket(handle);
    }
}
