namespace CocoGuest.Machine.Profiles;

/// <summary>A further CMA area queued at boot, such as a reusable <c>shared-dma-pool</c> node of a device tree (S-CMA-08).</summary>
/// <param name="Name">The area's name, which is the heap's: the full node name.</param>
/// <param name="Bytes">Its length, in whole pages.</param>
public sealed record CmaRegionSpec(string Name, ulong Bytes);
