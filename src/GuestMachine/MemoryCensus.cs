namespace CocoGuest.Machine;

/// <summary>Guest memory in bytes; free + used + leaked + reserved = total.</summary>
/// <param name="Total">RAM.</param>
/// <param name="Free">In the page allocator.</param>
/// <param name="Used">In live buffers.</param>
/// <param name="Leaked">Never given back because a conversion failed (S-SYS-29).</param>
/// <param name="Reserved">Taken at boot: the first MiB, the swiotlb pool, the cma area.</param>
/// <param name="Shared">Shared with the host right now, the pool included; cuts across the parts above.</param>
public readonly record struct MemoryCensus(ulong Total, ulong Free, ulong Used, ulong Leaked, ulong Reserved, ulong Shared);
