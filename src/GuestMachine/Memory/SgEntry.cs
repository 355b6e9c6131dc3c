namespace CocoGuest.Machine.Memory;

/// <summary>One entry of a scatter list before mapping.</summary>
/// <param name="Phys">Guest-physical address of its first byte.</param>
/// <param name="Length">Bytes, at least 1 (S-DMA-55).</param>
public readonly record struct SgEntry(ulong Phys, ulong Length);
