using CocoGuest.Machine.Memory.HostMemory;

namespace CocoGuest.Machine.Memory.Store;

/// <summary>
/// Keeps one host mapping from being unmapped while bytes are copied outside the guest's lock. One holder, disposed once; it pins the
/// mapping, not the contents: what is written to a <see cref="MemoryBacking"/> after its revocation is cleared with the last pin.
/// </summary>
internal readonly unsafe struct MemoryPin : IDisposable
{
    private readonly HostMapping? _mapping;
    private readonly MemoryBacking? _backing;

    private MemoryPin(HostMapping? mapping, MemoryBacking? backing, byte* pointer)
    {
        _mapping = mapping;
        _backing = backing;
        Pointer = pointer;
    }

    public byte* Pointer { get; }

    public static MemoryPin Take(HostMapping mapping)
    {
        bool added = false;
        mapping.DangerousAddRef(ref added);
        return new MemoryPin(mapping, null, mapping.Pointer);
    }

    /// <summary>A pin that the backing has counted.</summary>
    public static MemoryPin Of(MemoryBacking backing, byte* pointer) => new(null, backing, pointer);

    public void Dispose()
    {
        _mapping?.DangerousRelease();
        _backing?.Unpin();
    }
}
