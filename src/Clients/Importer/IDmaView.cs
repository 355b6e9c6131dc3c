namespace CocoGuest.Importer;

/// <summary>Memory as a device reaches it: by DMA addresses, through the device's view.</summary>
public interface IDmaView
{
    /// <summary>The device reads.</summary>
    /// <param name="dmaAddress">What it puts on the bus.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="cancel">Cancels between chunks.</param>
    /// <exception cref="Client.CocoException">EFAULT: a DMA fault.</exception>
    Task ReadAsync(ulong dmaAddress, Memory<byte> destination, CancellationToken cancel);

    /// <summary>The device writes.</summary>
    /// <param name="dmaAddress">What it puts on the bus.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="cancel">Cancels between chunks.</param>
    /// <exception cref="Client.CocoException">EFAULT: a DMA fault.</exception>
    Task WriteAsync(ulong dmaAddress, ReadOnlyMemory<byte> source, CancellationToken cancel);
}
