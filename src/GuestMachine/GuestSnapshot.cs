using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine;

/// <summary>A guest and what it holds at one moment, taken under its lock.</summary>
/// <param name="Shape">The whole shape.</param>
/// <param name="State">"running", or why it stopped.</param>
/// <param name="Memory">Frames in bytes.</param>
/// <param name="Objects">Objects by kind.</param>
/// <param name="Dma">DMA layer and bounce pool.</param>
/// <param name="Conversions">Cost of page conversions since boot.</param>
/// <param name="Copies">Bytes that the server copied.</param>
/// <param name="KernelLog">The last lines of the guest's kernel log.</param>
public sealed record GuestSnapshot(
    GuestShape Shape,
    string State,
    MemoryCensus Memory,
    ObjectCensus Objects,
    DmaCounters Dma,
    ConversionCounters Conversions,
    CopyCounters Copies,
    IReadOnlyList<string> KernelLog);
