using CocoGuest.Machine.DmaBufs;

namespace CocoGuest.Machine.Heaps;

/// <summary>Exporter of one node of the system heap: <c>system</c> or <c>system_cc_shared</c> (S-SYS-08, 47, 51).</summary>
internal sealed class SystemHeapExporter(string heapName, SystemHeap heap) : Exporter(heapName, Ops)
{
    private static readonly ExporterTraits Ops = new(MmapStyle.Populate);

    public override void Release(DmaBuf buffer) => heap.Free(buffer.Chunks, buffer.Shared);
}
