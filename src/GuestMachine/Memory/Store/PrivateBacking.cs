using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Memory.Store;

/// <summary>
/// The plain bytes of private frames in a memfd, for mappings of native processes of the very guest (rule 5 of CONTRIBUTING): it has no way
/// to make an fd but <see cref="MemoryBacking.OpenAnew"/>, which <c>GuestNatives</c> alone calls.
/// Models: where the bytes are while the frames are private. Does not model: faults of a mapping whose pages left; see GuestMemory.Private.
/// </summary>
internal sealed class PrivateBacking : MemoryBacking
{
    public PrivateBacking(ulong id, ulong size, bool readOnly)
        : base(id, size, readOnly)
    {
    }

    /// <summary>Its slot in the chunk map, while <see cref="Chunks"/> are its.</summary>
    public int Slot { get; set; }

    /// <summary>The frames that it has the bytes of, in order.</summary>
    public Chunk[] Chunks { get; set; } = [];
}
