using CocoGuest.Client.Internal;
using CocoGuest.V1;

namespace CocoGuest.Client;

/// <summary>A device attached to a buffer. Disposing it detaches; a mapping must be disposed first (S-BUF-44: EBUSY).</summary>
public sealed class DeviceAttachment : IAsyncDisposable
{
    private int _detached;

    internal DeviceAttachment(GuestDevice device, ulong id, ulong size)
    {
        Device = device;
        Id = id;
        Size = size;
    }

    /// <summary>The device.</summary>
    public GuestDevice Device { get; }

    /// <summary>The attachment's number.</summary>
    public ulong Id { get; }

    /// <summary>Bytes of the buffer.</summary>
    public ulong Size { get; }

    /// <summary>dma_buf_map_attachment (S-BUF-50, S-SYS-42).</summary>
    /// <param name="direction">Direction of the DMA.</param>
    /// <param name="cpu">The CPU that maps (S-SWI-26).</param>
    /// <param name="cancel">Cancels the call.</param>
    /// <exception cref="CocoException">EIO: no room in the bounce pool, or a chunk too large for it (S-SYS-60).</exception>
    public async Task<DeviceMapping> MapAsync(
        DmaDirection direction = DmaDirection.DmaBidirectional, uint cpu = 0, CancellationToken cancel = default)
    {
        GuestProcess process = Device.Process;
        MapDmaBufResponse answer = await process.Connection.Guest.MapDmaBufAsync(
            new MapDmaBufRequest { Guest = process.Guest, Process = process.Handle, Attachment = Id, Direction = direction, Cpu = cpu },
            cancellationToken: cancel);
        try
        {
            DirectMemory? direct = answer.FdToken.Length == 0
                ? null
                : await process.MapTokenAsync(answer.FdToken, answer.BrokerPath, 0, Size, writable: true, cancel);
            return new DeviceMapping(this, [.. answer.Segments], answer.Bounced, direct);
        }
        catch (Exception e) when (e is not ServerGoneException)
        {
            await UnmapAsync();
            throw;
        }
    }

    /// <summary>dma_buf_detach, if its process still lives.</summary>
    public async ValueTask DisposeAsync()
    {
        GuestProcess process = Device.Process;
        if (Interlocked.Exchange(ref _detached, 1) != 0)
            return;
        await Disposal.GiveBackAsync(process, async () => await process.Connection.Guest.DetachAsync(
            new DetachRequest { Guest = process.Guest, Process = process.Handle, Attachment = Id }));
    }

    internal async Task UnmapAsync()
    {
        GuestProcess process = Device.Process;
        await Disposal.GiveBackAsync(process, async () => await process.Connection.Guest.UnmapDmaBufAsync(
            new UnmapDmaBufRequest { Guest = process.Guest, Process = process.Handle, Attachment = Id }));
    }
}
