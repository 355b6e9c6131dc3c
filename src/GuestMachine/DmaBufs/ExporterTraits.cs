using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>Which ops an exporter has and what they answer, as data.</summary>
/// <param name="Mmap">How mmap works.</param>
internal sealed record ExporterTraits(MmapStyle Mmap)
{
    /// <summary>begin/end_cpu_access exist; without them SYNC only waits for fences (S-TEE-03).</summary>
    public bool CpuAccess { get; init; } = true;

    /// <summary>vmap exists; without it EINVAL (S-BUF-80).</summary>
    public bool Vmap { get; init; } = true;

    /// <summary>A mapping is kept until detach and handed out again (S-BUF-53).</summary>
    public bool CachesMappings { get; init; }

    /// <summary>pin/unpin exist: the exporter may move the buffer while nobody pins it (S-BUF-54, 55).</summary>
    public bool Movable { get; init; }

    /// <summary>What a failing map reports; None: what the DMA layer said (S-CMA-03).</summary>
    public Errno MapErrno { get; init; } = Errno.None;

    /// <summary>Attributes passed on map besides the shared one (S-TEE-04).</summary>
    public DmaAttributes MapAttributes { get; init; } = DmaAttributes.None;

    /// <summary>Attributes passed on unmap (S-SYS-43, S-TEE-09).</summary>
    public DmaAttributes UnmapAttributes { get; init; } = DmaAttributes.None;
}
