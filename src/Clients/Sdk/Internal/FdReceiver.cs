using System.ComponentModel;
using System.Net.Sockets;
using CocoGuest.Linux.Sockets;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Client.Internal;

/// <summary>Frames of the fd broker, one at a time from a blocking Unix stream socket, each with at most one fd.</summary>
internal static class FdReceiver
{
    /// <summary>Fills the frame. Blocks until it is there.</summary>
    /// <param name="socket">A connected, blocking Unix stream socket.</param>
    /// <param name="frame">The whole frame; a shorter one is not returned.</param>
    /// <param name="fd">The fd that came along, or null. The caller owns it.</param>
    /// <returns>False when the peer hung up.</returns>
    /// <exception cref="InvalidDataException">More than one fd came with the frame, or this process has no number left for it.</exception>
    /// <exception cref="Win32Exception">The socket failed.</exception>
    public static bool ReceiveFrame(SafeSocketHandle socket, Span<byte> frame, out SafeFileHandle? fd)
    {
        SafeFileHandle? whole = null;
        try
        {
            for (int done = 0; done < frame.Length;)
            {
                // Never ask for more than this frame's rest: the kernel attaches an fd to the first read that touches its bytes.
                int read = ScmRights.Receive(socket, frame[done..], wait: true, out SafeFileHandle? passed, out bool cut);
                bool second = whole is not null && passed is not null;
                if (second)
                    passed!.Dispose();
                else
                    whole ??= passed;

                if (read < 0)
                    throw new Win32Exception(-read);
                if (cut || second)
                    throw new InvalidDataException("An fd of the broker is lost: more than one came with a frame, or no number was free.");
                if (read == 0)
                {
                    fd = null;
                    return false;
                }

                done += read;
            }

            (fd, whole) = (whole, null);
            return true;
        }
        finally
        {
            whole?.Dispose();
        }
    }
}
