using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Tests.Machine.Properties.Model;

/// <summary>A live buffer; the inode is its identity.</summary>
internal sealed record ModelBuffer(ulong Inode, ulong Size, bool Shared, bool ReadOnly, IReadOnlyList<Chunk> Chunks);
