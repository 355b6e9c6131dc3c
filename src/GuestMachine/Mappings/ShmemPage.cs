using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Mappings;

/// <summary>A page of a shared memory file: it lives as long as the file or a udmabuf holds it.</summary>
internal sealed class ShmemPage(Chunk block)
{
    /// <summary>Its frames: one, or 512 of a hugetlb file.</summary>
    public Chunk Block { get; } = block;

    /// <summary>References: the file's own, and one a pin.</summary>
    public int References { get; set; } = 1;
}
