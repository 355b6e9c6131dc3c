using System.Runtime.InteropServices;

namespace CocoGuest.Linux;

/// <summary>struct sigaction as the C library has it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SigAction
{
    public void* Handler;
    public fixed ulong Mask[16];
    public int Flags;
    public void* Restorer;
}
