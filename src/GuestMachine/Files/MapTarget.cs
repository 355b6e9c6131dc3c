namespace CocoGuest.Machine.Files;

/// <summary>What a mapping shows.</summary>
/// <param name="Memory">The memory; the mapping holds a reference on it.</param>
/// <param name="Offset">Where in it the mapping begins, in bytes.</param>
internal readonly record struct MapTarget(MemoryFile Memory, ulong Offset);
