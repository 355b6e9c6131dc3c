using System.Runtime.InteropServices;

namespace CocoGuest.Linux;

/// <summary>struct timespec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TimeSpec
{
    public long Sec;
    public long Nsec;
}
