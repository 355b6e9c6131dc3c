using System.Runtime.InteropServices;

namespace CocoGuest.Linux;

/// <summary>struct rlimit: soft and hard limit.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RLimit
{
    public ulong Cur;
    public ulong Max;
}
