using CocoGuest.Client.Internal;
using CocoGuest.V1;

namespace CocoGuest.Client;

/// <summary>One fd of a guest process on a dma-buf. Disposing it closes the fd; the buffer lives while others hold it (S-BUF-90).</summary>
public sealed class GuestBuffer : IAsyncDisposable
{
    private int _released;

    internal GuestBuffer(GuestProcess process, int fd, ulong size, ulong ino, bool hostVisible)
    {
        Process = process;
        Fd = fd;
        Size = size;
        Ino = ino;
        HostVisible = hostVisible;
    }

    /// <summary>The process whose fd it is.</summary>
    public GuestProcess Process { get; }

    /// <summary>The fd's number in the guest process.</summary>
    public int Fd { get; }

    /// <summary>Bytes, whole pages.</summary>
    public ulong Size { get; }

    /// <summary>Inode number; the same for every fd on the dma-buf.</summary>
    public ulong Ino { get; }

    /// <summary>True when the host can read the memory in plain.</summary>
    public bool HostVisible { get; }

    /// <summary>mmap, shared, from an offset (S-BUF-30).</summary>
    /// <param name="offset">Bytes, a multiple of the page size.</param>
    /// <param name="length">Bytes; 0: to the end.</param>
    /// <param name="prot">PROT_READ 1, PROT_WRITE 2; null: what the fd allows.</param>
    /// <param name="cancel">Cancels the call.</param>
    public async Task<MappedMemory> MmapAsync(ulong offset = 0, ulong length = 0, uint? prot = null, CancellationToken cancel = default)
    {
        var request = new MmapRequest { Guest = Process.Guest, Process = Process.Handle, Fd = Fd, Offset = offset, Length = length };
        if (prot is { } bits)
            request.Prot = bits;
        MmapResponse answer = await Process.Connection.Guest.MmapAsync(request, cancellationToken: cancel);
        bool writable = prot is null || (prot & 2) != 0;
        DirectMemory? direct = answer.FdToken.Length == 0
            ? null
            : await Process.MapTokenAsync(answer.FdToken, answer.BrokerPath, answer.FdOffset, answer.Length, writable, cancel);
        return new MappedMemory(Process, answer.Address, answer.Length, direct);
    }

    /// <summary>DMA_BUF_IOCTL_SYNC (S-BUF-60 to 67).</summary>
    /// <param name="flags">START or END, with READ, WRITE or both.</param>
    /// <param name="cancel">Cancels the call.</param>
    public async Task<SyncBufferResponse> SyncAsync(SyncFlags flags, CancellationToken cancel = default) =>
        await Process.Connection.Guest.SyncBufferAsync(
            new SyncBufferRequest { Guest = Process.Guest, Process = Process.Handle, Fd = Fd, Flags = (ulong)flags },
            cancellationToken: cancel);

    /// <summary>DMA_BUF_SET_NAME (S-BUF-71).</summary>
    /// <param name="name">At most 31 bytes of UTF-8.</param>
    /// <param name="cancel">Cancels the call.</param>
    public async Task SetNameAsync(string name, CancellationToken cancel = default) =>
        await Process.Connection.Guest.SetBufferNameAsync(
            new SetBufferNameRequest { Guest = Process.Guest, Process = Process.Handle, Fd = Fd, Name = name }, cancellationToken: cancel);

    /// <summary>What lseek and fdinfo tell, and where the buffer lies in guest-physical memory.</summary>
    /// <param name="cancel">Cancels the call.</param>
    public async Task<StatBufferResponse> StatAsync(CancellationToken cancel = default) =>
        await Process.Connection.Guest.StatBufferAsync(
            new StatBufferRequest { Guest = Process.Guest, Process = Process.Handle, Fd = Fd }, cancellationToken: cancel);

    /// <summary>Makes a share token: stands for the fd in flight to another process, works once.</summary>
    /// <param name="toProcess">Handle of the only process that may import it; empty: any of the guest.</param>
    /// <param name="cancel">Cancels the call.</param>
    public async Task<string> ExportAsync(string toProcess = "", CancellationToken cancel = default) =>
        (await Process.Connection.Guest.ExportBufferAsync(
            new ExportBufferRequest { Guest = Process.Guest, Process = Process.Handle, Fd = Fd, ToProcess = toProcess },
            cancellationToken: cancel)).ShareToken;

    /// <summary>close of the fd.</summary>
    /// <param name="cancel">Cancels the call.</param>
    public async Task ReleaseAsync(CancellationToken cancel = default)
    {
        if (Interlocked.Exchange(ref _released, 1) == 0)
        {
            await Process.Connection.Guest.ReleaseAsync(
                new ReleaseRequest { Guest = Process.Guest, Process = Process.Handle, Fd = Fd }, cancellationToken: cancel);
        }
    }

    /// <summary>Closes the fd if it is still open and its process still lives.</summary>
    public ValueTask DisposeAsync() => Disposal.GiveBackAsync(Process, () => ReleaseAsync());
}
