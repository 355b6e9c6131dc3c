using System.Runtime.InteropServices;

namespace CocoGuest.Linux;

/// <summary>The head of struct statfs, padded to its size of 120 bytes: which file system it is.</summary>
[StructLayout(LayoutKind.Sequential, Size = 120)]
internal struct StatFs
{
    public ulong Type;
}
