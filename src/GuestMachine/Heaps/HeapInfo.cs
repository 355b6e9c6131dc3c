namespace CocoGuest.Machine.Heaps;

/// <summary>One heap's node: <c>/dev/dma_heap/&lt;name&gt;</c> (S-HEAP-01, S-HEAP-46).</summary>
/// <param name="Name">Name of the node.</param>
/// <param name="Minor">Minor number, in registration order.</param>
/// <param name="ValidHeapFlags">Flags that the ioctl accepts (S-HEAP-13).</param>
/// <param name="AlwaysShared">Every buffer of it is shared memory (S-SYS-20).</param>
/// <param name="Kind">Implementation behind it.</param>
public sealed record HeapInfo(string Name, uint Minor, ulong ValidHeapFlags, bool AlwaysShared, HeapKind Kind = HeapKind.System);
