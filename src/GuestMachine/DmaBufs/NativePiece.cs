namespace CocoGuest.Machine.DmaBufs;

/// <summary>A range of a memfd of the host that a udmabuf shows.</summary>
/// <param name="Memfd">The memfd.</param>
/// <param name="Offset">Where in it the range begins, in bytes.</param>
/// <param name="Length">Bytes, whole pages.</param>
public readonly record struct NativePiece(INativeMemfd Memfd, ulong Offset, ulong Length);
