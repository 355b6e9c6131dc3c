using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// Exporter of one udmabuf: it holds pages of shared memory files, whatever becomes of the files (S-BUF-112).
/// Models: CPU access by a mapping for udmabuf's own device, made by the first begin and kept until release: an end before it is EINVAL, and
/// attachments of importers are not synced. Does not model: partial huge pages as one entry; each page is an entry.
/// </summary>
internal sealed class Udmabuf : Exporter
{
    private static readonly ExporterTraits Ops = new(MmapStyle.Fault);
    private readonly IReadOnlyList<(ShmemFile File, ShmemPage Page)> _pins;
    private readonly DmaDevice _device;
    private readonly DmaMapper _dma;
    private ulong[]? _addresses;
    private DmaDirection _direction;

    /// <param name="device">udmabuf's own device.</param>
    /// <param name="dma">The DMA layer.</param>
    /// <param name="pins">The pages, each pinned once for the buffer.</param>
    public Udmabuf(DmaDevice device, DmaMapper dma, IReadOnlyList<(ShmemFile File, ShmemPage Page)> pins)
        : base("udmabuf", Ops)
    {
        _device = device;
        _dma = dma;
        _pins = pins;
    }

    /// <summary>The pages that it holds.</summary>
    public IEnumerable<ShmemPage> Pages => _pins.Select(p => p.Page);

    /// <inheritdoc/>
    public override Failure? BeginCpuAccess(DmaBuf buffer, DmaMapper dma, DmaDirection direction)
    {
        if (_addresses is not null)
        {
            return dma.SyncSg(_device, buffer.Segments, _addresses, direction, forCpu: true);
        }

        var addresses = new ulong[buffer.Segments.Length];
        Result<int> mapped = dma.MapSg(_device, buffer.Segments, addresses, direction);
        if (!mapped.Ok)
        {
            return mapped.Failure;
        }

        _addresses = addresses;
        _direction = direction;
        return null;
    }

    /// <inheritdoc/>
    public override Failure? EndCpuAccess(DmaBuf buffer, DmaMapper dma, DmaDirection direction) =>
        _addresses is null
            ? new Failure(Errno.EINVAL, "DMA_BUF_IOCTL_SYNC", "udmabuf: end_cpu_access", "An end needs a start before it with a udmabuf.", "flags")
            : dma.SyncSg(_device, buffer.Segments, _addresses, direction, forCpu: false);

    /// <inheritdoc/>
    public override void Release(DmaBuf buffer)
    {
        if (_addresses is not null)
        {
            _dma.UnmapSg(_device, buffer.Segments, _addresses, _direction);
        }

        foreach ((ShmemFile file, ShmemPage page) in _pins)
        {
            file.Put(page);
        }
    }
}
