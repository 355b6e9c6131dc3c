using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Calls;

/// <summary>A part of a mapping.</summary>
/// <param name="File">The file that shows it.</param>
/// <param name="Offset">Where in the file, in bytes.</param>
/// <param name="Length">Bytes, whole pages.</param>
internal sealed record MapPiece(SafeFileHandle File, ulong Offset, ulong Length);
