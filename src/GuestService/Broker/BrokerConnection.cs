using System.Net.Sockets;
using System.Threading.Channels;
using CocoGuest.Machine;
using CocoGuest.Service.Access;
using CocoGuest.Service.Hosting;
using CocoGuest.Service.Interop;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Service.Broker;

/// <summary>
/// One client of the fd broker: a loop that reads requests, a loop that writes frames, a bounded queue in between.
/// </summary>
/// <remarks>
/// <para>Answers wait for room in the queue, so a client that does not read stops being read from. Revocations cannot wait: they come from
/// under a guest's lock. Where no room is left for one, or the socket stays full for <see cref="StallLimit"/>, the client is hung up on,
/// which it has to take as the end of all its memory.</para>
/// <para>An fd in the queue belongs to the queue: the writer closes it after it was sent, or when the connection ends.</para>
/// </remarks>
internal sealed class BrokerConnection : IRevocationListener, IDisposable
{
    private const int QueueLimit = 4096;
    private static readonly TimeSpan StallLimit = TimeSpan.FromSeconds(10);

    private readonly Channel<(BrokerFrame Frame, SafeFileHandle? Fd)> _frames =
        Channel.CreateBounded<(BrokerFrame, SafeFileHandle?)>(new BoundedChannelOptions(QueueLimit) { SingleReader = true });

    private readonly Socket _socket;
    private readonly uint _userId;
    private readonly BrokerServices _services;
    private readonly CancellationTokenSource _end = new();

    public BrokerConnection(Socket socket, PeerCredentials peer, BrokerServices services)
    {
        _socket = socket;
        _userId = peer.UserId;
        _services = services;
    }

    /// <summary>Serves the client until it hangs up, misbehaves or <see cref="HangUp"/> is called.</summary>
    public async Task RunAsync()
    {
        Task writing = WriteFramesAsync();
        try
        {
            await ReadRequestsAsync();
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException or ChannelClosedException)
        {
            // Hung up, by either side: the usual end.
        }
        finally
        {
            _services.Board.Remove(this);
            _frames.Writer.TryComplete();
            await writing;
            while (_frames.Reader.TryRead(out (BrokerFrame Frame, SafeFileHandle? Fd) unsent))
            {
                unsent.Fd?.Dispose();
            }
        }
    }

    /// <summary>Ends the connection; safe from any thread and more than once.</summary>
    public void HangUp() => _end.Cancel();

    /// <inheritdoc/>
    public void OnRevoked(ulong backingId, string reason)
    {
        if (!_frames.Writer.TryWrite((BrokerFrame.Revoked(backingId), null)))
        {
            // Under a guest's lock: cancelling runs continuations, which must not run here.
            ThreadPool.UnsafeQueueUserWorkItem(static c => c.HangUpStalled(), this, preferLocal: false);
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _end.Dispose();
    }

    private async Task ReadRequestsAsync()
    {
        byte[] request = new byte[BrokerFrame.RequestBytes];
        while (await ReadWholeAsync(request))
        {
            if (!BrokerFrame.TryReadRequest(request, out Handle128 token))
            {
                ServiceLog.BrokerRequestMalformed(_services.Log);
                await _frames.Writer.WriteAsync((BrokerFrame.Error(Errno.EINVAL, token), null), _end.Token);
                return;
            }

            await AnswerAsync(token);
        }
    }

    private async ValueTask<bool> ReadWholeAsync(Memory<byte> request)
    {
        while (request.Length > 0)
        {
            int count = await _socket.ReceiveAsync(request, SocketFlags.None, _end.Token);
            if (count == 0)
            {
                return false;
            }

            request = request[count..];
        }

        return true;
    }

    private async ValueTask AnswerAsync(Handle128 value)
    {
        FdToken? token = _services.Tokens.Redeem(value, _userId);
        Result<SafeFileHandle> fd = token?.Backing.OpenFd() ?? new Failure(Errno.ENOENT, "redeem", "look up token", "No such fd token.");
        if (token is null || !fd.Ok)
        {
            await _frames.Writer.WriteAsync((BrokerFrame.Error(fd.Failure?.Errno ?? Errno.ENOENT, value), null), _end.Token);
            return;
        }

        try
        {
            await _frames.Writer.WriteAsync((BrokerFrame.Fd(token.Backing, value), fd.Value), _end.Token);
        }
        catch
        {
            fd.Value.Dispose();
            throw;
        }

        // After the answer is queued, so that a revocation can only come behind it.
        _services.Mappings.Count(token.Holder.Process.Guest, token.Backing.Size);
        _services.Board.Add(token.Backing, token.Holder);
        _services.Board.Add(token.Backing, this);
    }

    private async Task WriteFramesAsync()
    {
        byte[] buffer = new byte[BrokerFrame.FrameBytes];
        try
        {
            while (await _frames.Reader.WaitToReadAsync(_end.Token))
            {
                while (_frames.Reader.TryRead(out (BrokerFrame Frame, SafeFileHandle? Fd) next))
                {
                    using SafeFileHandle? fd = next.Fd;
                    next.Frame.Write(buffer);
                    if (!await SendAsync(buffer, fd))
                    {
                        HangUp();
                        return;
                    }
                }
            }

            // Everything said, the error frame of a malformed request included.
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            HangUp();
        }
    }

    private async ValueTask<bool> SendAsync(byte[] buffer, SafeFileHandle? fd)
    {
        while (true)
        {
            switch (ScmRights.TrySend(_socket.SafeHandle, buffer, fd))
            {
                case SendOutcome.Sent:
                    return true;
                case SendOutcome.Gone:
                    return false;
                default:
                    if (!await WaitWritableAsync())
                    {
                        ServiceLog.BrokerClientStalled(_services.Log);
                        return false;
                    }

                    break;
            }
        }
    }

    private async ValueTask<bool> WaitWritableAsync()
    {
        var writable = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using IDisposable watch = _services.Poller.Watch(_socket.SafeHandle, PollEvents.Writable, writable.SetResult);
        try
        {
            await writable.Task.WaitAsync(StallLimit, _services.Time, _end.Token);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private void HangUpStalled()
    {
        ServiceLog.BrokerClientStalled(_services.Log);
        try
        {
            HangUp();
        }
        catch (ObjectDisposedException)
        {
            // It ended by itself in the meantime.
        }
    }
}
