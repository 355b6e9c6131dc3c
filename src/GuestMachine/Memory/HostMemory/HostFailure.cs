using System.Runtime.InteropServices;
using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Memory.HostMemory;

/// <summary>Turns the errno of the last host call into a <see cref="Failure"/>.</summary>
internal static class HostFailure
{
    /// <summary>To be called right after the failed call, before anything else can set errno.</summary>
    public static Failure Last(string operation, string step, ulong bytes)
    {
        var errno = (Errno)Marshal.GetLastPInvokeError();
        return new Failure(errno, operation, step, $"The host refused {bytes} bytes of memory at {step} ({errno}).");
    }
}
