using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Devices;

/// <summary>
/// Coherent memory as a user mapping shows it: <c>dma_mmap_attrs</c> with the decrypted protection where the memory is shared (S-DMA-65),
/// <c>dma_mmap_pages</c> always with the ordinary one (S-DMA-66, 67).
/// </summary>
internal sealed class CoherentFile : MemoryFile
{
    private readonly DmaHolding _holding;

    public CoherentFile(DmaHolding holding, bool decryptedProtection)
        : base(0, AccessMode.ReadWrite, holding.Block.Bytes, [.. FramePieces.Of(holding.Block.Range)], decryptedProtection)
    {
        _holding = holding;
        holding.Mappings++;
    }

    /// <inheritdoc/>
    public override string Kind => "coherent memory";

    /// <inheritdoc/>
    public override MmapStyle Mmap => MmapStyle.Populate;

    /// <inheritdoc/>
    public override void Released() => _holding.Mappings--;
}
