using System.Runtime.InteropServices;
using CocoGuest.Machine.Memory.HostMemory;

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

    public static MemoryPin Take(HostMapping mapping)
    {
        bool added = false;
        mapping.DangerousAddRef(ref added);
        return new MemoryPin(mapping, mapping.Pointer);
    }

    public void Dispose() => _owner?.DangerousRelease();
}
