using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Machine.Mappings;

/// <summary>What Mmap gives.</summary>
/// <param name="Address">Address in the emulated process.</param>
/// <param name="Length">Page-rounded bytes.</param>
/// <param name="Backing">The memfd behind it; null for private memory.</param>
/// <param name="Offset">Where the mapping begins in the backing.</param>
public readonly record struct MmapResult(ulong Address, ulong Length, VisibleBacking? Backing, ulong Offset);
