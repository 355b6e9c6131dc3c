using System.Runtime.InteropServices;

namespace CocoGuest.Linux;

/// <summary>struct msghdr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MsgHdr
{
    public void* Name;
    public uint Namelen;
    public IoVec* Iov;
    public nuint Iovlen;
    public void* Control;
    public nuint Controllen;
    public int Flags;
}
