using System.Runtime.InteropServices;

namespace CocoGuest.Linux;

/// <summary>struct sock_fprog: a filter of classic BPF, an array of struct sock_filter.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SockFprog
{
    public ushort Len;
    public void* Filter;
}
