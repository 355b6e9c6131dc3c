namespace CocoGuest.Machine.Heaps;

/// <summary>One node of /dev/dma_heap.</summary>
/// <param name="Name">Node name.</param>
/// <param name="Minor">Character device minor: the lowest free one at registration (S-HEAP-01).</param>
/// <param name="ValidHeapFlags">Allowed heap_flags bits (S-HEAP-13, 14).</param>
/// <param name="AlwaysShared">True for the heap whose every buffer is shared memory.</param>
public sealed record HeapInfo(string Name, uint Minor, ulong ValidHeapFlags, bool AlwaysShared);
