namespace CocoGuest.Machine.Heaps;

/// <summary>One row of a guest's use map: what a program asks for and what it gets.</summary>
/// <param name="Use">Name of the use: "rdma-control", "scanout" …</param>
/// <param name="Heap">Heap node.</param>
/// <param name="HeapFlags">heap_flags for the allocation.</param>
/// <param name="IsDefault">False once somebody set it.</param>
public sealed record HeapUse(string Use, string Heap, ulong HeapFlags, bool IsDefault);
