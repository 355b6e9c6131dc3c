using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>What StatBuffer gives.</summary>
/// <param name="Size">Bytes.</param>
/// <param name="Inode">Inode number.</param>
/// <param name="Exporter">exp_name: the heap's name.</param>
/// <param name="Name">Name, or null when none was ever set.</param>
/// <param name="Count">fdinfo's count: references on the file, without that of who reads fdinfo (S-BUF-105).</param>
/// <param name="FdInfo">The dma-buf lines of fdinfo.</param>
/// <param name="Shared">Pages are shared with the host.</param>
/// <param name="HostVisible">The host reads the memory in plain.</param>
/// <param name="Chunks">Scatter table.</param>
/// <param name="AttachedDevices">Names, newest attachment first.</param>
public sealed record BufferStat(
    ulong Size,
    ulong Inode,
    string Exporter,
    string? Name,
    ulong Count,
    string FdInfo,
    bool Shared,
    bool HostVisible,
    IReadOnlyList<Chunk> Chunks,
    IReadOnlyList<string> AttachedDevices)
{
    /// <summary>What the conversions of its pages have cost so far.</summary>
    public PageState.ConversionCounters Conversions { get; init; }
}
