using CocoGuest.Client;
using CocoGuest.Importer;

namespace CocoGuest.Tests.Clients.Rdma;

/// <summary>Memory at DMA addresses from <see cref="Base"/> up; everything else is a DMA fault.</summary>
internal sealed class FakeMemory(int bytes = 0) : IDmaView
{
    public const ulong Base = 0x8000_0000;

    public byte[] Bytes { get; } = new byte[bytes];

    /// <summary>Accesses from this offset on fault, as those of a mapping that is gone.</summary>
    public int FaultsFrom { get; set; } = bytes;

    public Task ReadAsync(ulong dmaAddress, Memory<byte> destination, CancellationToken cancel)
    {
        Window(dmaAddress, destination.Length).CopyTo(destination);
        return Task.CompletedTask;
    }

    public Task WriteAsync(ulong dmaAddress, ReadOnlyMemory<byte> source, CancellationToken cancel)
    {
        source.CopyTo(Window(dmaAddress, source.Length));
        return Task.CompletedTask;
    }

    private Memory<byte> Window(ulong dmaAddress, int length) =>
        dmaAddress >= Base && dmaAddress - Base + (ulong)length <= (ulong)FaultsFrom
            ? Bytes.AsMemory((int)(dmaAddress - Base), length)
            : throw new CocoException(14, "EFAULT", "dma", "address", "DMA fault");
}
