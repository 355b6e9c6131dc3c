namespace CocoGuest.Machine.Memory;

/// <summary>
/// Bytes that the server itself copied, by path. What a process moves through memory handed out by fd never passes through the server:
/// a run that uses only that path leaves <see cref="SharedBufferBytes"/> at 0.
/// </summary>
/// <param name="LoadBytes">CPU reads of emulated processes.</param>
/// <param name="StoreBytes">CPU writes of emulated processes.</param>
/// <param name="DmaReadBytes">Reads of mediated devices.</param>
/// <param name="DmaWriteBytes">Writes of mediated devices.</param>
/// <param name="BounceBytes">swiotlb, both ways.</param>
/// <param name="HostReadBytes">Reads of the untrusted host.</param>
/// <param name="SharedBufferBytes">The part of all the above that went into or out of host-visible buffers.</param>
public readonly record struct CopyCounters(
    ulong LoadBytes, ulong StoreBytes, ulong DmaReadBytes, ulong DmaWriteBytes, ulong BounceBytes,
    ulong HostReadBytes, ulong SharedBufferBytes);
