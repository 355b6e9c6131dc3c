using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// Exporter of one udmabuf: it holds pages of shared memory files, whatever becomes of the files (S-BUF-116).
/// Models: CPU access by a mapping for udmabuf's own device, made by the first begin and kept until release: an end before it is EINVAL,
/// and attachments of importers are not synced. Does not model: partial huge pages as one entry; each page is an entry.
/// </summary>
internal sealed class Udmabuf : Exporter
{
    private static readonly ExporterTraits Ops = new(MmapStyle.Fault);
    private readonly IReadOnlyList<IUdmabufPin> _pins;
    private readonly DmaDevice _device;
    private readonly DmaMapper _dma;
    private ulong[]? _addresses;
    private DmaDirection _direction;

    /// <param name="device">udmabuf's own device.</param>
    /// <param name="dma">The DMA layer.</param>
    /// <param name="pins">The pages, in order, each pinned once for the buffer.</param>
    public Udmabuf(DmaDevice device, DmaMapper dma, IReadOnlyList<IUdmabufPin> pins)
        : base("udmabuf", Ops)
    {
        _device = device;
        _dma = dma;
        _pins = pins;
    }

    /// <summary>The pages of the guest's memfds that it holds.</summary>
    public IEnumerable<ShmemPage> Pages => _pins.OfType<ShmemPin>().Select(p => p.Page);

    /// <summary>The ranges of the host's memfds that it shows, in order.</summary>
    public IEnumerable<NativePiece> Pieces => _pins.OfType<NativePin>().Select(p => p.Piece);

    /// <summary>
    /// An open file of the host whose mappings show the udmabuf's bytes at the same offsets: the memfd itself if the udmabuf is one range
    /// from its start (S-BUF-115). Null: its memory is not the host's.
    /// </summary>
    /// <returns>EOPNOTSUPP for other ranges, which no file of the host shows in one piece; the errno of the host.</returns>
    public Result<SafeFileHandle>? OpenMemory()
    {
        NativePiece[] pieces = [.. Pieces];
        return pieces.Length == 0 ? default(Result<SafeFileHandle>?)
            : pieces.Length == _pins.Count && pieces is [{ Offset: 0 } whole] ? whole.Memfd.Open()
            : new Failure(Errno.EOPNOTSUPP, "open_memory", "check ranges",
                "No file of the host shows these ranges of memfds as one (S-BUF-115).", "file");
    }

    /// <summary>Addresses of the mapping for udmabuf's own device, kept until release; null before the first begin.</summary>
    public IReadOnlyList<ulong>? CpuMapping => _addresses;

    /// <inheritdoc/>
    public override Failure? BeginCpuAccess(DmaBuf buffer, DmaMapper dma, DmaDirection direction)
    {
        if (_addresses is not null)
        {
            return dma.SyncSg(_device, buffer.Segments, _addresses, direction, forCpu: true);
        }

        ulong[] addresses = new ulong[buffer.Segments.Length];
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
            ? new Failure(Errno.EINVAL, "DMA_BUF_IOCTL_SYNC", "udmabuf: end_cpu_access",
                "An end needs a start before it with a udmabuf.", "flags")
            : dma.SyncSg(_device, buffer.Segments, _addresses, direction, forCpu: false);

    /// <inheritdoc/>
    public override void Release(DmaBuf buffer)
    {
        if (_addresses is not null)
        {
            _dma.UnmapSg(_device, buffer.Segments, _addresses, _direction);
        }

        foreach (IUdmabufPin pin in _pins)
        {
            pin.Release();
        }
    }
}
