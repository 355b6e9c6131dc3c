using System.Runtime.InteropServices;

namespace CocoGuest.Machine.Memory;

/// <summary>
/// Keeps one host mapping from being unmapped while bytes are copied outside the guest's lock. One holder, disposed once; it pins the
/// mapping, not the contents.
/// </summary>
internal readonly unsafe struct MemoryPin : IDisposable
{
    private readonly SafeHandle? _owner;

    private MemoryPin(SafeHandle owner, byte* pointer)
    {
        _owner = owner;
        Pointer = pointer;
    }

    public byte* Pointer { get; }

    public static MemoryPin Take(SealedMemfd memfd)
    {
        bool added = false;
        memfd.Mapping.DangerousAddRef(ref added);
        return new MemoryPin(memfd.Mapping, memfd.Pointer);
    }

    public static MemoryPin Take(AnonymousRegion region)
    {
        bool added = false;
        region.DangerousAddRef(ref added);
        return new MemoryPin(region, region.Pointer);
    }

    public void Dispose() => _owner?.DangerousRelease();
}
