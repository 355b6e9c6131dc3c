using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Natives;

/// <summary>A mapping of a native process, as <c>/proc/PID/maps</c> shows it.</summary>
/// <param name="Start">First address, page-aligned.</param>
/// <param name="Length">Bytes, whole pages, at least one.</param>
/// <param name="File">The mapped file.</param>
/// <param name="Offset">Where in the file it begins, in bytes, page-aligned.</param>
/// <param name="Protection">Rights.</param>
/// <param name="IsPrivate">MAP_PRIVATE.</param>
public sealed record NativeMapping(ulong Start, ulong Length, NativeFile File, ulong Offset, MapProtection Protection, bool IsPrivate);
