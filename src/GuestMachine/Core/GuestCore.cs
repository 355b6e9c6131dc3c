using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Core;

/// <summary>
/// What every room of a guest shares: the gate, what the guest is, its log, faults and trace, its memory and page states, its DMA layer.
/// A room gets the core and the rooms below it, and nothing else.
/// </summary>
internal sealed class GuestCore
{
    /// <summary>The lock, and whose call runs.</summary>
    public required GuestGate Gate { get; init; }

    /// <summary>The whole shape, defaults filled in.</summary>
    public required GuestShape Shape { get; init; }

    /// <summary>What the guest may hold at most.</summary>
    public required GuestLimits Limits { get; init; }

    /// <summary>The clock of tokens, fences and waits.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Where handles and tokens come from.</summary>
    public required ISecretSource Secrets { get; init; }

    /// <summary>The kernel's log.</summary>
    public required KernelLog Log { get; init; }

    /// <summary>Armed faults.</summary>
    public required FaultBoard FaultPoints { get; init; }

    /// <summary>The ring of trace events.</summary>
    public required TraceBuffer TraceRing { get; init; }

    /// <summary>Free and used frames.</summary>
    public required FrameZones Frames { get; init; }

    /// <summary>The bytes behind frames.</summary>
    public required GuestMemory Memory { get; init; }

    /// <summary>Counts the bytes that calls copied.</summary>
    public required CopyCounter Copies { get; init; }

    /// <summary>Page states of the platform.</summary>
    public required IPageStateTracker Pages { get; init; }

    /// <summary>The DMA layer.</summary>
    public required DmaMapper Dma { get; init; }

    /// <summary>Accesses through the view of their accessor.</summary>
    public required MemoryAccess Access { get; init; }

    /// <summary>Zeroed pages for kernel objects.</summary>
    public required GuestPages SinglePages { get; init; }

    /// <summary>The kernel as data.</summary>
    public required KernelProfile Kernel { get; init; }

    /// <summary>The platform as data.</summary>
    public required PlatformProfile Platform { get; init; }

    /// <summary>The <c>Guest</c> that has this core, for <c>ProcessGuest</c>. No room may name its type, hence an object.</summary>
    public object? Facade { get; set; }

    /// <summary>How a room tells or asks somebody above it.</summary>
    public GuestHooks Hooks { get; } = new();

    /// <summary>Called after conversions: a guest that terminated itself stays so (S-SNP-37).</summary>
    public void NoteTermination()
    {
        if (Pages.Termination is { } termination && Gate.End(termination.Words))
        {
            Hooks.Ended?.Invoke(termination.Words);
        }
    }
}
