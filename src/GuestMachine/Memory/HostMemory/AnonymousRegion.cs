using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Memory.HostMemory;

/// <summary>
/// Host memory that no client ever sees, such as a guest's private DRAM: reads zero, takes room as it is touched, is not dumped.
/// <para>Thread safe; the bytes themselves are the callers' to guard.</para>
/// </summary>
public sealed unsafe class AnonymousRegion : IDisposable
{
    private AnonymousRegion(HostMapping mapping) => Mapping = mapping;

    /// <summary>The mapping, for pins.</summary>
    public HostMapping Mapping { get; }

    /// <summary>Bytes.</summary>
    public ulong Length => Mapping.Length;

    /// <summary>First byte; see <see cref="HostMapping.Pointer"/>.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public byte* Pointer => Mapping.Pointer;

    /// <summary>Reserves address space; memory comes with the first touch of each page.</summary>
    /// <param name="length">Bytes, a multiple of 4096, not 0.</param>
    /// <returns>The region, or the host's errno (<see cref="Errno.ENOMEM"/>).</returns>
    /// <exception cref="ArgumentException">Length is 0 or not whole pages.</exception>
    public static Result<AnonymousRegion> Create(ulong length)
    {
        CheckPages(length, nameof(length));
        ArgumentOutOfRangeException.ThrowIfZero(length);
        Result<HostMapping> mapping = HostMapping.MapAnonymousPrivate(length, "reserve guest memory");
        return mapping.Ok ? new AnonymousRegion(mapping.Value) : mapping.Failure;
    }

    /// <summary>Part of the region, for callers that know that nobody disposes it meanwhile; others take a pin.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie in the region.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Span<byte> AsSpan(ulong offset, int length)
    {
        using HostPin pin = Mapping.Pin();
        return pin.AsSpan(offset, length);
    }

    /// <summary>Gives pages back to the host; they read zero afterwards.</summary>
    /// <param name="offset">Bytes, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096; 0 does nothing.</param>
    /// <exception cref="ArgumentException">Not whole pages, or not in the region.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void Discard(ulong offset, ulong length)
    {
        CheckPages(offset, nameof(offset));
        CheckPages(length, nameof(length));
        Mapping.DiscardPrivate(offset, length);
    }

    /// <summary>Unmaps it as soon as no pin is left.</summary>
    public void Dispose() => Mapping.Dispose();

    private static void CheckPages(ulong value, string name)
    {
        if (!Page.IsAligned(value))
            throw new ArgumentException($"{value} is not a multiple of {Page.Size}.", name);
    }
}
