using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>A move under way: who still has to unmap, what has to signal, and where the bytes will go.</summary>
/// <param name="fence">The KERNEL fence in the buffer's reservation; it signals when the bytes have moved.</param>
/// <param name="target">The new frames, taken already.</param>
/// <param name="importers">Dynamic importers that were told and have not unmapped.</param>
/// <param name="fences">Fences of the moment it began, of any usage.</param>
internal sealed class BufferMove(Fence fence, Chunk[] target, IEnumerable<Attachment> importers, Fence[] fences)
{
    public Fence Fence { get; } = fence;

    public Chunk[] Target { get; } = target;

    /// <summary>Importers that have not let go, newest first.</summary>
    public List<Attachment> Importers { get; } = [.. importers];

    public Fence[] Fences { get; } = fences;

    /// <summary>True once an importer was cut off and may still hold the old memory's fd.</summary>
    public bool CutOff { get; set; }

    /// <summary>Key of its deadline.</summary>
    public (long Due, ulong Number) Deadline { get; set; }

    /// <summary>True when nothing uses the old frames.</summary>
    public bool Free => Importers.Count == 0 && Fences.All(f => f.Signalled);
}
