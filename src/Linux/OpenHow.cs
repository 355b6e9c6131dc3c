using System.Runtime.InteropServices;

namespace CocoGuest.Linux;

/// <summary>struct open_how.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct OpenHow
{
    public ulong Flags;
    public ulong Mode;
    public ulong Resolve;
}
