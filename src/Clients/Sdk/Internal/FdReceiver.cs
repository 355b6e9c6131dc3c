using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Client.Internal;

/// <summary>
/// recvmsg with SCM_RIGHTS: .NET's Socket has no ancillary data. One frame at a time from a blocking Unix stream socket; an fd is an int
/// for one statement only, then a safe handle.
/// </summary>
internal static unsafe partial class FdReceiver
{
    private const int CloseOnExec = 0x40000000;
    private const int ControlTruncated = 8;
    private const int SolSocket = 1;
    private const int ScmRights = 1;
    private const int Interrupted = 4;
    private const int ControlHeader = 16;

    /// <summary>Fills the frame. Blocks until it is there.</summary>
    /// <param name="socket">A connected, blocking Unix stream socket.</param>
    /// <param name="frame">The whole frame; a shorter one is not returned.</param>
    /// <param name="fd">The fd that came along, or null. The caller owns it.</param>
    /// <returns>False when the peer hung up.</returns>
    /// <exception cref="InvalidDataException">Control data was cut: an fd was lost.</exception>
    /// <exception cref="Win32Exception">The socket failed.</exception>
    public static bool ReceiveFrame(SafeSocketHandle socket, Span<byte> frame, out SafeFileHandle? fd)
    {
        fd = null;
        for (int done = 0; done < frame.Length;)
        {
            // Never ask for more than this frame's rest: the kernel attaches an fd to the first read that touches its bytes.
            int read = Receive(socket, frame[done..], ref fd);
            if (read == 0)
            {
                fd?.Dispose();
                fd = null;
                return false;
            }

            done += read;
        }

        return true;
    }

    private static int Receive(SafeSocketHandle socket, Span<byte> bytes, ref SafeFileHandle? fd)
    {
        // Room for two fds, so that a peer that sends one too many is noticed instead of cut.
        const int ControlLength = ControlHeader + 8;
        byte* control = stackalloc byte[ControlLength];
        fixed (byte* data = bytes)
        {
            var vector = new IoVector { Base = data, Length = (nuint)bytes.Length };
            while (true)
            {
                var message = new MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = ControlLength };
                // SAFETY: message, vector, control and the pinned data live until the call returns; lengths are those of the buffers.
                nint result = ReceiveMessage(socket, &message, CloseOnExec);
                if (result >= 0)
                {
                    Collect(control, (int)message.ControlLength, ref fd);
                    if ((message.Flags & ControlTruncated) != 0)
                        throw new InvalidDataException("Control data of the fd broker was cut; an fd is lost.");
                    return (int)result;
                }

                int errno = Marshal.GetLastPInvokeError();
                if (errno != Interrupted)
                    throw new Win32Exception(errno);
            }
        }
    }

    private static void Collect(byte* control, int length, ref SafeFileHandle? fd)
    {
        if (length < ControlHeader + sizeof(int))
            return;
        // SAFETY: the kernel wrote a cmsghdr of 16 bytes (u64 length, i32 level, i32 type) and then ints, all inside `length` bytes.
        (int total, int level, int type) = ((int)*(ulong*)control, *(int*)(control + 8), *(int*)(control + 12));
        if (level != SolSocket || type != ScmRights)
            return;
        for (int at = ControlHeader; at + sizeof(int) <= total; at += sizeof(int))
        {
            var received = new SafeFileHandle(*(int*)(control + at), ownsHandle: true);
            if (fd is not null)
            {
                received.Dispose();
                throw new InvalidDataException("The fd broker sent more than one fd with a frame.");
            }

            fd = received;
        }
    }

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint ReceiveMessage(SafeSocketHandle socket, MessageHeader* message, int flags);

    private struct IoVector
    {
        public void* Base;
        public nuint Length;
    }

    private struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }
}
