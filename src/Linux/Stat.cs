using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CocoGuest.Linux;

/// <summary>struct stat of x86-64.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Stat
{
    public ulong Dev;
    public ulong Ino;
    public ulong Nlink;
    public uint Mode;
    public uint Uid;
    public uint Gid;
    public uint Padding;
    public ulong Rdev;
    public long Size;
    public long Blksize;
    public long Blocks;
    public TimeSpec Atim;
    public TimeSpec Mtim;
    public TimeSpec Ctim;
    private readonly Unused _unused;

    [InlineArray(3)]
    private struct Unused
    {
        private long _first;
    }
}
