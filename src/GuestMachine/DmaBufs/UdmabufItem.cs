namespace CocoGuest.Machine.DmaBufs;

/// <summary>A range of a memfd that becomes part of a udmabuf.</summary>
/// <param name="Memfd">fd of the file.</param>
/// <param name="Offset">First byte, page-aligned.</param>
/// <param name="Size">Bytes, whole pages.</param>
public readonly record struct UdmabufItem(int Memfd, ulong Offset, ulong Size);
