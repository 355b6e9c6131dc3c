using CocoGuest.Machine.DmaBufs;

namespace CocoGuest.Machine.Heaps;

/// <summary>Exporter of one node of the CMA heap (S-CMA-03, 04, 07).</summary>
internal sealed class CmaHeapExporter(string heapName, CmaHeap heap) : Exporter(heapName, Ops)
{
    private static readonly ExporterTraits Ops = new(MmapStyle.Fault) { MapErrno = Errno.ENOMEM };

    public override void Release(DmaBuf buffer) => heap.Free(buffer.Chunks[0].Frame, buffer.Size);
}
