using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Natives;

/// <summary>
/// Which MAP bits of a native call matter to the machine. The host's kernel carries the call out and judges the others itself.
/// </summary>
internal static class NativeMapFlags
{
    // What mmap knew before MAP_SHARED_VALIDATE and never looked at twice:
    // where to map, stack, locking, populating, huge pages and their size.
    private const int Tuning = 0x10 | 0x40 | 0x80 | 0x100 | 0x800 | 0x1000 | 0x2000 | 0x4000 | 0x8000
        | 0x10000 | 0x20000 | 0x40000 | 0x100000 | 0x4000000;

    private const int HugeSizeShift = 26;
    private const int HugeSizeMask = 0x3f << HugeSizeShift;

    /// <summary>The bits to check with. Unknown ones stay only with MAP_SHARED_VALIDATE, which refuses them.</summary>
    public static MapFlags ForMachine(MapFlags flags)
    {
        MapFlags kind = flags & MapFlags.SharedValidate;
        return kind == MapFlags.SharedValidate ? (MapFlags)((int)flags & ~(Tuning | HugeSizeMask)) : kind;
    }
}
