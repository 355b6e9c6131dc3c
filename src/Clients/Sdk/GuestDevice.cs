using CocoGuest.Client.Internal;
using CocoGuest.V1;
using Google.Protobuf;

namespace CocoGuest.Client;

/// <summary>A simulated device of a guest process. Disposing it removes the device with its mappings and attachments.</summary>
public sealed class GuestDevice : IAsyncDisposable
{
    private int _removed;

    internal GuestDevice(GuestProcess process, string name, DeviceMode mode)
    {
        Process = process;
        Name = name;
        Mode = mode;
    }

    /// <summary>The process that it belongs to.</summary>
    public GuestProcess Process { get; }

    /// <summary>Its name in the guest.</summary>
    public string Name { get; }

    /// <summary>How its bytes move.</summary>
    public DeviceMode Mode { get; }

    /// <summary>dma_buf_attach. The attachment holds a reference of its own on the buffer (S-BUF-42, 92).</summary>
    /// <param name="buffer">An fd of the same process.</param>
    /// <param name="cancel">Cancels the call.</param>
    public async Task<DeviceAttachment> AttachAsync(GuestBuffer buffer, CancellationToken cancel = default)
    {
        AttachResponse answer = await Process.Connection.Guest.AttachAsync(
            new AttachRequest { Guest = Process.Guest, Process = Process.Handle, Fd = buffer.Fd, Device = Name },
            cancellationToken: cancel);
        return new DeviceAttachment(this, answer.Attachment, answer.Size);
    }

    /// <summary>The device reads guest memory through its view, in chunks of 64 KiB.</summary>
    /// <param name="dmaAddress">What it puts on the bus.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="cancel">Cancels between chunks.</param>
    /// <exception cref="CocoException">EFAULT: a DMA fault.</exception>
    public async Task DmaReadAsync(ulong dmaAddress, Memory<byte> destination, CancellationToken cancel = default)
    {
        for (int done = 0; done < destination.Length;)
        {
            int length = Math.Min(Chunking.Bytes, destination.Length - done);
            var request = new DmaReadRequest
            {
                Guest = Process.Guest,
                Process = Process.Handle,
                Device = Name,
                DmaAddress = dmaAddress + (ulong)done,
                Length = (ulong)length,
            };
            DmaReadResponse answer = await Process.Connection.Device.DmaReadAsync(request, cancellationToken: cancel);
            Chunking.Expect(answer.Data, length).CopyTo(destination[done..].Span);
            done += length;
        }
    }

    /// <summary>The device writes guest memory through its view, in chunks of 64 KiB.</summary>
    /// <param name="dmaAddress">What it puts on the bus.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="cancel">Cancels between chunks.</param>
    /// <exception cref="CocoException">EFAULT: a DMA fault.</exception>
    public async Task DmaWriteAsync(ulong dmaAddress, ReadOnlyMemory<byte> source, CancellationToken cancel = default)
    {
        for (int done = 0; done < source.Length;)
        {
            int length = Math.Min(Chunking.Bytes, source.Length - done);
            var request = new DmaWriteRequest
            {
                Guest = Process.Guest,
                Process = Process.Handle,
                Device = Name,
                DmaAddress = dmaAddress + (ulong)done,
                Data = UnsafeByteOperations.UnsafeWrap(source.Slice(done, length)),
            };
            await Process.Connection.Device.DmaWriteAsync(request, cancellationToken: cancel);
            done += length;
        }
    }

    /// <summary>Removes the device.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _removed, 1) != 0)
            return;
        await Disposal.GiveBackAsync(Process, async () => await Process.Connection.Device.UnregisterDeviceAsync(
            new UnregisterDeviceRequest { Guest = Process.Guest, Process = Process.Handle, Device = Name }));
    }
}
