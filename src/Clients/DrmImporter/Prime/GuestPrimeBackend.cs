using CocoGuest.Client;
using CocoGuest.Importer;

namespace CocoGuest.DrmImporter.Prime;

/// <summary>The dma-buf core of the emulated guest. A reference is an fd of its own on the same file, as dup would give it.</summary>
/// <param name="buffers">The importer's fds.</param>
/// <param name="device">The GPU.</param>
/// <param name="counters">Counts what moves.</param>
internal sealed class GuestPrimeBackend(BufferTable buffers, GuestDevice device, DmaCounters counters) : IPrimeBackend
{
    public ulong Identify(int fd) => buffers.Get(fd).Ino;

    public async Task<IPrimeAttachment> AttachAsync(int fd, CancellationToken cancel) =>
        new Attachment(await device.AttachAsync(buffers.Get(fd), cancel), counters);

    public async Task<IPrimeReference> ReferenceAsync(int fd, CancellationToken cancel) =>
        new Reference(buffers, await DuplicateAsync(buffers.Get(fd), cancel));

    private static async Task<GuestBuffer> DuplicateAsync(GuestBuffer buffer, CancellationToken cancel) =>
        await buffer.Process.ImportAsync(await buffer.ExportAsync(buffer.Process.Handle, cancel), cancel);

    private sealed class Attachment(DeviceAttachment attachment, DmaCounters counters) : IPrimeAttachment
    {
        public async Task<IPrimeMapping> MapAsync(CancellationToken cancel) =>
            new Mapping(await attachment.MapAsync(cancel: cancel), counters);

        public ValueTask DisposeAsync() => attachment.DisposeAsync();
    }

    private sealed class Reference(BufferTable buffers, GuestBuffer buffer) : IPrimeReference
    {
        public async Task<int> DuplicateAsync(CancellationToken cancel) =>
            buffers.Add(await GuestPrimeBackend.DuplicateAsync(buffer, cancel)).Fd;

        public ValueTask DisposeAsync() => buffer.DisposeAsync();
    }

    private sealed class Mapping(DeviceMapping mapping, DmaCounters counters) : IPrimeMapping
    {
        public ulong Size => mapping.Attachment.Size;

        public bool Bounced => mapping.Bounced;

        public bool IsDirect => mapping.IsDirect;

        public int Segments => mapping.Segments.Count;

        public IDmaView View { get; } = new MappingView(mapping, counters);

        public (ulong DmaAddress, ulong Room) AddressOf(ulong bufferOffset) => mapping.AddressOf(bufferOffset);

        public ValueTask DisposeAsync() => mapping.DisposeAsync();
    }
}
