using CocoGuest.Machine.Files;

namespace CocoGuest.Supervisor.Files;

/// <summary>What a mapping of a DRM node shows: the memory of an object, which has a host file of its own.</summary>
/// <param name="Node">The node.</param>
/// <param name="Offset">The fake offset of the mapping's first byte.</param>
internal sealed record NodeMapping(NativeFile Node, ulong Offset);
