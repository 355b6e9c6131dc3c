using CocoGuest.Client.Internal;
using CocoGuest.V1;

namespace CocoGuest.Client;

/// <summary>
/// A buffer mapped for a device: its DMA addresses, and the bytes as the device sees them. Shared memory moves by this program's own
/// mapping, with no server between; a bounced mapping or a mediated device moves by DmaRead and DmaWrite. Disposing it unmaps.
/// </summary>
public sealed class DeviceMapping : IAsyncDisposable
{
    private readonly DmaSegment[] _segments;
    private readonly DirectMemory? _direct;
    private ulong _directBytes;
    private ulong _serverBytes;
    private int _unmapped;

    internal DeviceMapping(DeviceAttachment attachment, DmaSegment[] segments, bool bounced, DirectMemory? direct)
    {
        Attachment = attachment;
        Bounced = bounced;
        _segments = segments;
        _direct = direct;
    }

    /// <summary>The attachment that is mapped.</summary>
    public DeviceAttachment Attachment { get; }

    /// <summary>One segment a chunk, in buffer order.</summary>
    public IReadOnlyList<DmaSegment> Segments => _segments;

    /// <summary>True when the device sees a snapshot in bounce slots (S-SYS-62).</summary>
    public bool Bounced { get; }

    /// <summary>True when the bytes move by shared memory.</summary>
    public bool IsDirect => _direct is not null;

    /// <summary>Why the memory was taken back, or null while it was not.</summary>
    public string? RevokedBecause => _direct?.RevokedBecause;

    /// <summary>Bytes that moved by shared memory.</summary>
    public ulong DirectBytes => Volatile.Read(ref _directBytes);

    /// <summary>Bytes that moved through the server.</summary>
    public ulong ServerBytes => Volatile.Read(ref _serverBytes);

    /// <summary>Bytes of the buffer.</summary>
    public ulong Length => _segments.Aggregate(0UL, (sum, segment) => sum + segment.Length);

    /// <summary>The buffer's bytes in the buffer's order, as <see cref="MappedMemory.Span"/>. Not to be used after the unmap.</summary>
    /// <exception cref="InvalidOperationException">The bytes do not move by shared memory; see <see cref="IsDirect"/>.</exception>
    public Span<byte> Span => GetSpan(0, checked((int)Length));

    /// <summary>A window on the buffer. Not to be used after the unmap.</summary>
    /// <param name="bufferOffset">Bytes from the start of the buffer.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="InvalidOperationException">The bytes do not move by shared memory; see <see cref="IsDirect"/>.</exception>
    public Span<byte> GetSpan(ulong bufferOffset, int length) => Direct().Map.Window(bufferOffset, length);

    /// <summary>What the device reaches from a DMA address on, inside one segment. Not to be used after the unmap.</summary>
    /// <param name="dmaAddress">The address.</param>
    /// <param name="length">Bytes; the segment has to have them.</param>
    /// <exception cref="InvalidOperationException">The bytes do not move by shared memory; see <see cref="IsDirect"/>.</exception>
    /// <exception cref="CocoException">EFAULT: a DMA fault.</exception>
    public Span<byte> GetSpanAt(ulong dmaAddress, int length)
    {
        DirectMemory direct = Direct();
        (ulong offset, ulong room) = Locate(dmaAddress);
        return (ulong)length <= room
            ? direct.Map.Window(offset, length)
            : throw Fault($"{length} bytes from 0x{dmaAddress:x} on are not in one segment; {room} are.");
    }

    /// <summary>The device reads at a DMA address.</summary>
    /// <param name="dmaAddress">The address; anything outside the mapping is up to the device's view, as on a real bus.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="cancel">Cancels between chunks.</param>
    /// <exception cref="CocoException">EFAULT: a DMA fault.</exception>
    public async Task ReadAsync(ulong dmaAddress, Memory<byte> destination, CancellationToken cancel = default)
    {
        if (_direct is null)
        {
            await Attachment.Device.DmaReadAsync(dmaAddress, destination, cancel);
            Interlocked.Add(ref _serverBytes, (ulong)destination.Length);
            return;
        }

        for (int done = 0; done < destination.Length;)
        {
            (ulong offset, ulong room) = Locate(dmaAddress + (ulong)done);
            int length = (int)Math.Min((ulong)(destination.Length - done), room);
            _direct.Map.Read(offset, destination.Span.Slice(done, length));
            done += length;
            Interlocked.Add(ref _directBytes, (ulong)length);
        }
    }

    /// <summary>The device writes at a DMA address.</summary>
    /// <param name="dmaAddress">The address.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="cancel">Cancels between chunks.</param>
    /// <exception cref="CocoException">EFAULT: a DMA fault.</exception>
    public async Task WriteAsync(ulong dmaAddress, ReadOnlyMemory<byte> source, CancellationToken cancel = default)
    {
        if (_direct is null)
        {
            await Attachment.Device.DmaWriteAsync(dmaAddress, source, cancel);
            Interlocked.Add(ref _serverBytes, (ulong)source.Length);
            return;
        }

        for (int done = 0; done < source.Length;)
        {
            (ulong offset, ulong room) = Locate(dmaAddress + (ulong)done);
            int length = (int)Math.Min((ulong)(source.Length - done), room);
            _direct.Map.Write(offset, source.Span.Slice(done, length));
            done += length;
            Interlocked.Add(ref _directBytes, (ulong)length);
        }
    }

    /// <summary>The DMA address of a byte of the buffer, and how many bytes follow in the same segment.</summary>
    /// <param name="bufferOffset">Bytes from the start of the buffer.</param>
    /// <exception cref="ArgumentOutOfRangeException">Outside the buffer.</exception>
    public (ulong DmaAddress, ulong Room) AddressOf(ulong bufferOffset)
    {
        ulong start = 0UL;
        foreach (DmaSegment segment in _segments)
        {
            if (bufferOffset - start < segment.Length)
                return (segment.DmaAddress + (bufferOffset - start), segment.Length - (bufferOffset - start));
            start += segment.Length;
        }

        throw new ArgumentOutOfRangeException(nameof(bufferOffset), bufferOffset, $"The mapping has {start} bytes.");
    }

    /// <summary>dma_buf_unmap_attachment: bounced bytes go back to the buffer now (S-SYS-62).</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _unmapped, 1) != 0)
            return;
        _direct?.Dispose();
        await Attachment.UnmapAsync();
    }

    // Where a DMA address lies in the memfd.
    private (ulong Offset, ulong Room) Locate(ulong dmaAddress)
    {
        foreach (DmaSegment segment in _segments)
        {
            if (dmaAddress >= segment.DmaAddress && dmaAddress - segment.DmaAddress < segment.Length)
                return (segment.FdOffset + (dmaAddress - segment.DmaAddress), segment.Length - (dmaAddress - segment.DmaAddress));
        }

        throw Fault($"0x{dmaAddress:x} is in no segment of the mapping.");
    }

    private DirectMemory Direct() => _direct ?? throw new InvalidOperationException(
        "A bounced or private mapping, and a mediated device, have no span; use ReadAsync and WriteAsync.");

    private static CocoException Fault(string sentence) => new(14, "EFAULT", "dma", "address", $"DMA fault: {sentence}");
}
