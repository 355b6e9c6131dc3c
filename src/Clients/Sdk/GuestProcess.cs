using CocoGuest.Client.Internal;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Client;

/// <summary>
/// A process of a guest. Its stream is its life: while it is open the process lives; <see cref="DisposeAsync"/> is a clean exit, and a
/// client that dies loses the process after the grace time. When the stream breaks it is opened again once with the secret; if that fails
/// the server is gone, <see cref="Ended"/> completes and all direct memory is marked as revoked. That takes less than a second.
/// </summary>
public sealed class GuestProcess : IAsyncDisposable
{
    // A server that lives answers a new stream in milliseconds; a caller learns of its death within a second.
    private static readonly TimeSpan ReopenTimeout = TimeSpan.FromMilliseconds(500);

    private readonly TaskCompletionSource<ProcessEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();
    private readonly RevocationRegistry _registry = new();
    private readonly SemaphoreSlim _brokerGate = new(1, 1);
    private readonly ProcessOpened _opened;
    private BrokerConnection? _broker;
    private Task _pump = Task.CompletedTask;
    private int _exiting;

    private GuestProcess(CocoConnection connection, string guest, ProcessOpened opened)
    {
        Connection = connection;
        Guest = guest;
        _opened = opened;
    }

    /// <summary>Memory that this process maps was taken back: its backing id and the reason. Raised on a thread of the pool.</summary>
    public event Action<ulong, string>? MemoryRevoked;

    /// <summary>The connection it was opened on.</summary>
    public CocoConnection Connection { get; }

    /// <summary>Name of its guest; empty is the default guest.</summary>
    public string Guest { get; }

    /// <summary>The handle, for requests of one's own. Whoever has it acts as the process.</summary>
    public string Handle => _opened.Process;

    /// <summary>A number for people.</summary>
    public uint Pid => _opened.Pid;

    /// <summary>Completes when the process has ended, whatever ended it.</summary>
    public Task<ProcessEnd> Ended => _ended.Task;

    /// <summary>Opens a process.</summary>
    /// <param name="connection">The server; must outlive the process.</param>
    /// <param name="guest">The guest; empty: the default guest.</param>
    /// <param name="name">A name for people.</param>
    /// <param name="cancel">Gives up opening.</param>
    /// <exception cref="CocoException">ENOENT: no such guest.</exception>
    /// <exception cref="ServerGoneException">No server answers.</exception>
    public static async Task<GuestProcess> OpenAsync(
        CocoConnection connection, string guest = "", string name = "", CancellationToken cancel = default)
    {
        var request = new OpenProcessRequest { Guest = guest, Name = name };
        AsyncServerStreamingCall<OpenProcessResponse> call = connection.Guest.OpenProcess(request, default(CallOptions));
        try
        {
            using CancellationTokenRegistration registration = cancel.Register(call.Dispose);
            ProcessOpened opened = await ReadOpenedAsync(call);
            var process = new GuestProcess(connection, guest, opened);
            process._pump = process.PumpAsync(call);
            return process;
        }
        catch (RpcException e)
        {
            call.Dispose();
            cancel.ThrowIfCancellationRequested();
            throw ErrorTranslation.Translate(e, connection.Endpoint);
        }
    }

    /// <summary>DMA_HEAP_IOCTL_ALLOC: a new buffer and its fd (S-HEAP-23).</summary>
    /// <param name="heap">Name of the heap, for example <c>system_cc_shared</c>.</param>
    /// <param name="length">Bytes; rounded up to whole pages.</param>
    /// <param name="fdFlags">O_ACCMODE and O_CLOEXEC bits; null: O_RDWR | O_CLOEXEC.</param>
    /// <param name="heapFlags">Flags of the heap; 0 for most kernels.</param>
    /// <param name="cancel">Cancels the call.</param>
    public async Task<GuestBuffer> AllocateAsync(
        string heap, ulong length, uint? fdFlags = null, ulong heapFlags = 0, CancellationToken cancel = default)
    {
        var request = new AllocateBufferRequest { Guest = Guest, Process = Handle, Heap = heap, Len = length, HeapFlags = heapFlags };
        if (fdFlags is { } flags)
            request.FdFlags = flags;
        return await AllocateAsync(request, cancel);
    }

    /// <summary>A new buffer from the heap that the guest's map of uses names.</summary>
    /// <param name="use">Name of the use, for example <c>rdma-control</c> or <c>scanout</c>.</param>
    /// <param name="length">Bytes; rounded up to whole pages.</param>
    /// <param name="cancel">Cancels the call.</param>
    public async Task<GuestBuffer> AllocateForAsync(string use, ulong length, CancellationToken cancel = default) =>
        await AllocateAsync(new AllocateBufferRequest { Guest = Guest, Process = Handle, Use = use, Len = length }, cancel);

    /// <summary>Redeems a share token: a new fd on the same dma-buf.</summary>
    /// <param name="shareToken">32 hex digits of <see cref="GuestBuffer.ExportAsync"/>; works once.</param>
    /// <param name="cancel">Cancels the call.</param>
    public async Task<GuestBuffer> ImportAsync(string shareToken, CancellationToken cancel = default)
    {
        ImportBufferResponse answer = await Connection.Guest.ImportBufferAsync(
            new ImportBufferRequest { Guest = Guest, Process = Handle, ShareToken = shareToken }, cancellationToken: cancel);
        return new GuestBuffer(this, answer.Fd, answer.Size, answer.Ino, answer.HostVisible);
    }

    /// <summary>Registers a simulated device; it belongs to this process.</summary>
    /// <param name="options">What the device is.</param>
    /// <param name="cancel">Cancels the call.</param>
    public async Task<GuestDevice> RegisterDeviceAsync(DeviceOptions options, CancellationToken cancel = default)
    {
        var request = new RegisterDeviceRequest
        {
            Guest = Guest,
            Process = Handle,
            Name = options.Name,
            Kind = options.Kind,
            Trusted = options.Trusted,
            Mode = options.Mode,
            MinAlignMask = options.MinAlignMask,
        };
        if (options.DmaMask is { } mask)
            request.DmaMask = mask;
        RegisterDeviceResponse answer = await Connection.Device.RegisterDeviceAsync(request, cancellationToken: cancel);
        return new GuestDevice(this, answer.Device, options.Mode);
    }

    /// <summary>A clean exit: the server closes all that the process holds before this returns.</summary>
    /// <param name="cancel">Cancels the call.</param>
    public async Task ExitAsync(CancellationToken cancel = default)
    {
        Interlocked.Exchange(ref _exiting, 1);
        if (!_ended.Task.IsCompleted)
            await Connection.Guest.ExitProcessAsync(new ExitProcessRequest { Process = Handle }, cancellationToken: cancel);
        End(new ProcessEnd(ProcessEndKind.Exited, "The process exited."));
    }

    /// <summary>Exits if that was not done yet, and frees the stream and the broker's connection.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await ExitAsync();
        }
        catch (CocoException)
        {
            // Without a server, or without the process in it, there is nothing left to exit.
        }

        End(new ProcessEnd(ProcessEndKind.Exited, "The process exited."));
        await _stop.CancelAsync();
        await _pump;
        _broker?.Dispose();
        _stop.Dispose();
        _brokerGate.Dispose();
    }

    private async Task<GuestBuffer> AllocateAsync(AllocateBufferRequest request, CancellationToken cancel)
    {
        AllocateBufferResponse answer = await Connection.Guest.AllocateBufferAsync(request, cancellationToken: cancel);
        return new GuestBuffer(this, answer.Fd, answer.Size, answer.Ino, answer.HostVisible);
    }

    /// <summary>Redeems an fd token and maps its memory.</summary>
    internal async Task<DirectMemory> MapTokenAsync(
        string token, string brokerPath, ulong offset, ulong? length, bool writable, CancellationToken cancel)
    {
        BrokerConnection broker = await BrokerAsync(brokerPath, cancel);
        using ReceivedMemory memory = await broker.RedeemAsync(token, cancel);
        ulong bytes = length ?? memory.Size;
        if (bytes == 0 || bytes > memory.Size || offset > memory.Size - bytes)
            throw new InvalidDataException($"The broker's memory of {memory.Size} bytes does not hold {bytes} bytes at {offset}.");
        var map = MemoryMapHandle.Map(memory.Fd, offset, bytes, writable && !memory.ReadOnly);
        var direct = new DirectMemory(map, memory.BackingId, _registry);
        _registry.Add(direct);
        return direct;
    }

    private static async Task<ProcessOpened> ReadOpenedAsync(AsyncServerStreamingCall<OpenProcessResponse> call)
    {
        if (!await call.ResponseStream.MoveNext(CancellationToken.None) || call.ResponseStream.Current.Opened is not { } opened)
            throw new InvalidDataException("The server's first message on the process stream does not open the process.");
        return opened;
    }

    private async Task<BrokerConnection> BrokerAsync(string path, CancellationToken cancel)
    {
        await _brokerGate.WaitAsync(cancel);
        try
        {
            if (_broker is not null)
                return _broker;
            var broker = BrokerConnection.Connect(path);
            broker.Revoked += id => Revoke(id, "revoked");
            broker.ServerGone += () => End(new ProcessEnd(ProcessEndKind.ServerGone, "The server's fd broker hung up."));
            return _broker = broker;
        }
        finally
        {
            _brokerGate.Release();
        }
    }

    private async Task PumpAsync(AsyncServerStreamingCall<OpenProcessResponse> first)
    {
        for (AsyncServerStreamingCall<OpenProcessResponse>? call = first; call is not null;)
        {
            await ReadEventsAsync(call);
            call.Dispose();
            call = Ended.IsCompleted || Volatile.Read(ref _exiting) != 0 ? null : await ReopenAsync();
        }
    }

    private async Task ReadEventsAsync(AsyncServerStreamingCall<OpenProcessResponse> call)
    {
        try
        {
            while (await call.ResponseStream.MoveNext(_stop.Token))
            {
                OpenProcessResponse message = call.ResponseStream.Current;
                if (message.MemoryRevoked is { } revoked)
                    Revoke(revoked.BackingId, revoked.Reason);
                else if (message.GuestEnded is { } ended)
                    End(new ProcessEnd(ProcessEndKind.GuestEnded, $"The guest ended: {ended.Reason}"));
            }
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException)
        {
            // The stream broke, the process exited, or the server died: the caller finds out which.
        }
    }

    private async Task<AsyncServerStreamingCall<OpenProcessResponse>?> ReopenAsync()
    {
        var request = new OpenProcessRequest { Guest = Guest, Process = Handle, Secret = _opened.Secret };
        AsyncServerStreamingCall<OpenProcessResponse> call = Connection.Guest.OpenProcess(request, default(CallOptions));
        try
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            timeout.CancelAfter(ReopenTimeout);
            using CancellationTokenRegistration registration = timeout.Token.Register(call.Dispose);
            await ReadOpenedAsync(call);
            return call;
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException or InvalidDataException)
        {
            call.Dispose();
            Exception error = e is RpcException rpc ? ErrorTranslation.Translate(rpc, Connection.Endpoint) : e;
            End(new ProcessEnd(ProcessEndKind.ServerGone, error.Message));
            return null;
        }
    }

    private void Revoke(ulong backingId, string reason)
    {
        _registry.Revoke(backingId, reason);
        MemoryRevoked?.Invoke(backingId, reason);
    }

    private void End(ProcessEnd end)
    {
        if (!_ended.TrySetResult(end))
            return;
        if (end.Kind != ProcessEndKind.Exited)
            _registry.RevokeAll(end.Reason);
    }
}
