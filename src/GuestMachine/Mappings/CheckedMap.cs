using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Mappings;

/// <summary>A call of mmap that passed all checks and only lacks its place.</summary>
/// <param name="File">The file of the fd.</param>
/// <param name="Memory">What the mapping will show.</param>
/// <param name="Start">Where in it the mapping will begin, in bytes.</param>
/// <param name="Size">Bytes, whole pages.</param>
/// <param name="Rights">Rights of the mapping.</param>
internal readonly record struct CheckedMap(GuestFile File, MemoryFile Memory, ulong Start, ulong Size, MapProtection Rights);
