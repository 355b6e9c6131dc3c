using System.Runtime.InteropServices;

namespace CocoGuest.Linux;

/// <summary>struct cmsghdr; its data follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CmsgHdr
{
    public nuint Len;
    public int Level;
    public int Type;
}
