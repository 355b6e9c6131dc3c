using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Heaps;

/// <summary>Exporter of one heap node: its memory goes back to the heap (S-SYS-26). What each kind of heap offers is data.</summary>
internal sealed class HeapExporter(string name, Heap heap, ExporterTraits traits) : Exporter(name, traits)
{
    /// <summary>S-SYS-44, 47, 51.</summary>
    public static readonly ExporterTraits System = new(MmapStyle.Populate);

    /// <summary>S-CMA-03, 04, 07.</summary>
    public static readonly ExporterTraits Cma = new(MmapStyle.Fault) { MapErrno = Errno.ENOMEM };

    /// <summary>S-TEE-02, 03, 04, 09.</summary>
    public static readonly ExporterTraits Tee = new(MmapStyle.None)
    {
        CpuAccess = false,
        Vmap = false,
        MapAttributes = DmaAttributes.SkipCpuSync,
        UnmapAttributes = DmaAttributes.SkipCpuSync,
    };

    /// <inheritdoc/>
    public override void Release(DmaBuf buffer) => heap.Free(buffer.Chunks, buffer.Size, buffer.Shared, buffer.ChargedTo);
}
