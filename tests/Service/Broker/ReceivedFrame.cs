using CocoGuest.Machine;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Service.Broker;

/// <summary>A frame as a client reads it.</summary>
internal sealed record ReceivedFrame(uint Kind, Errno Errno, uint Flags, ulong BackingId, ulong Size, string Token, SafeFileHandle? Fd)
    : IDisposable
{
    /// <summary>Reads bytes of the memory behind the fd.</summary>
    public string ReadText(long offset, int length)
    {
        byte[] bytes = new byte[length];
        RandomAccess.Read(Fd!, bytes, offset);
        return System.Text.Encoding.UTF8.GetString(bytes);
    }

    public void Dispose() => Fd?.Dispose();
}
