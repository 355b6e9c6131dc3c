namespace CocoGuest.Tests.Replay;

/// <summary>
/// A boot that goes on from case to case: the DMA layer alone for the families of the DMA test driver, a whole guest for the others.
/// </summary>
internal sealed class BootWorld(BootSpec spec) : IDisposable
{
    private DmaWorld? _dma;
    private GuestWorld? _guest;

    /// <summary>How it was started.</summary>
    public BootSpec Spec => spec;

    /// <summary>The DMA layer over plain memory, made when first asked for.</summary>
    public DmaWorld Dma => _dma ??= new DmaWorld(spec);

    /// <summary>The guest, made when first asked for.</summary>
    public GuestWorld Guest => _guest ??= new GuestWorld(spec);

    /// <summary>Renamings that hold from case to case (<see cref="Renamed.PerBoot"/>).</summary>
    public Renaming Renaming { get; } = new();

    public void Dispose() => _guest?.Dispose();
}
