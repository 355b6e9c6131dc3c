using CocoGuest.Client.Internal;
using CocoGuest.V1;
using Google.Protobuf;

namespace CocoGuest.Client;

/// <summary>
/// A mapping of a buffer in a guest process. Memory that the host may see is mapped into this program too: <see cref="Span"/> reaches it
/// with no server between. Private memory of an encrypted guest never leaves the server's process; it is reached by Load and Store.
/// </summary>
public sealed class MappedMemory : IAsyncDisposable
{
    private readonly GuestProcess _process;
    private readonly DirectMemory? _direct;
    private int _unmapped;

    internal MappedMemory(GuestProcess process, ulong address, ulong length, DirectMemory? direct)
    {
        _process = process;
        _direct = direct;
        Address = address;
        Length = length;
        if (direct is not null)
            direct.Revoked += reason => Revoked?.Invoke(reason);
    }

    /// <summary>The memory was taken back; the argument says why. The mapping reads zeros from then on. Raised on any thread.</summary>
    public event Action<string>? Revoked;

    /// <summary>Address in the emulated process.</summary>
    public ulong Address { get; }

    /// <summary>Bytes, whole pages.</summary>
    public ulong Length { get; }

    /// <summary>True when this program maps the memory itself.</summary>
    public bool IsDirect => _direct is not null;

    /// <summary>Why the memory was taken back, or null while it was not.</summary>
    public string? RevokedBecause => _direct?.RevokedBecause;

    /// <summary>Bytes that went through the shared mapping by <see cref="ReadAsync"/> and <see cref="WriteAsync"/>.</summary>
    public ulong DirectBytes { get; private set; }

    /// <summary>Bytes that went through the server.</summary>
    public ulong ServerBytes { get; private set; }

    /// <summary>The memory itself. The span must not be used after <see cref="DisposeAsync"/>.</summary>
    /// <exception cref="InvalidOperationException">The memory is private; see <see cref="IsDirect"/>.</exception>
    public Span<byte> Span => GetSpan(0, checked((int)Length));

    /// <summary>A window on the memory. The span must not be used after <see cref="DisposeAsync"/>.</summary>
    /// <param name="offset">Bytes from the start of the mapping.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="InvalidOperationException">The memory is private; see <see cref="IsDirect"/>.</exception>
    public Span<byte> GetSpan(ulong offset, int length) => _direct is not null
        ? _direct.Map.Window(offset, length)
        : throw new InvalidOperationException("Private memory of an encrypted guest has no span; use ReadAsync and WriteAsync.");

    /// <summary>CPU read.</summary>
    /// <param name="offset">Bytes from the start of the mapping.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="cancel">Cancels between chunks.</param>
    public async Task ReadAsync(ulong offset, Memory<byte> destination, CancellationToken cancel = default)
    {
        if (_direct is not null)
        {
            _direct.Map.Read(offset, destination.Span);
            DirectBytes += (ulong)destination.Length;
            return;
        }

        for (int done = 0; done < destination.Length;)
        {
            int length = Math.Min(Chunking.Bytes, destination.Length - done);
            var request = new LoadRequest
            {
                Guest = _process.Guest,
                Process = _process.Handle,
                Address = Address + offset + (ulong)done,
                Length = (ulong)length,
            };
            LoadResponse answer = await _process.Connection.Guest.LoadAsync(request, cancellationToken: cancel);
            Chunking.Expect(answer.Data, length).CopyTo(destination[done..].Span);
            done += length;
            ServerBytes += (ulong)length;
        }
    }

    /// <summary>CPU write.</summary>
    /// <param name="offset">Bytes from the start of the mapping.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="cancel">Cancels between chunks.</param>
    public async Task WriteAsync(ulong offset, ReadOnlyMemory<byte> source, CancellationToken cancel = default)
    {
        if (_direct is not null)
        {
            _direct.Map.Write(offset, source.Span);
            DirectBytes += (ulong)source.Length;
            return;
        }

        for (int done = 0; done < source.Length;)
        {
            int length = Math.Min(Chunking.Bytes, source.Length - done);
            var request = new StoreRequest
            {
                Guest = _process.Guest,
                Process = _process.Handle,
                Address = Address + offset + (ulong)done,
                Data = UnsafeByteOperations.UnsafeWrap(source.Slice(done, length)),
            };
            await _process.Connection.Guest.StoreAsync(request, cancellationToken: cancel);
            done += length;
            ServerBytes += (ulong)length;
        }
    }

    /// <summary>munmap, in the guest process and here.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _unmapped, 1) != 0)
            return;
        _direct?.Dispose();
        await Disposal.GiveBackAsync(_process, async () => await _process.Connection.Guest.MunmapAsync(
            new MunmapRequest { Guest = _process.Guest, Process = _process.Handle, Address = Address }));
    }
}
