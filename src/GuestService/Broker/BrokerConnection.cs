using System.Net.Sockets;
using System.Threading.Channels;
using CocoGuest.Linux.Events;
using CocoGuest.Linux.Sockets;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Service.Requests;
using CocoGuest.Service.Access;
using CocoGuest.Service.Control;
using CocoGuest.Service.Logging;
using CocoGuest.Service.Processes;
using CocoGuest.Supervisor;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Service.Broker;

/// <summary>
/// One client of the fd broker: a loop that reads requests, and a <see cref="BrokerWriter"/> with the loop that writes frames.
/// </summary>
/// <remarks>
/// <para>A request is a token to redeem, an fd to share, or one of the control protocol; its first bytes say which. One is carried out
/// after the other, and the answer to a control request, which may be long, has to be in the socket before the next one is read: a client
/// that does not read costs one answer.</para>
/// <para>A connection has a time to say its first word, and each request a time to come as a whole. Between requests it may be silent for
/// as long as it likes: its end tells the client that the server is gone.</para>
/// <para>Where no room is left for a revocation, or the socket stays full, the client is hung up on, which it has to take as the end of all
/// its memory.</para>
/// </remarks>
internal sealed class BrokerConnection : IRevocationListener, IDisposable
{
    /// <summary>From the connection to the first byte.</summary>
    public static readonly TimeSpan FirstWordLimit = TimeSpan.FromSeconds(30);

    /// <summary>From the first byte of a request to its last.</summary>
    public static readonly TimeSpan RequestLimit = TimeSpan.FromSeconds(10);

    private readonly Socket _socket;
    private readonly uint _userId;
    private readonly BrokerServices _services;
    private readonly BrokerWriter _writer;
    private readonly ControlSession _control;
    private readonly CancellationTokenSource _end = new();

    public BrokerConnection(UnixPeer peer, BrokerServices services)
    {
        _socket = peer.Socket;
        _userId = peer.Credentials.UserId;
        _services = services;
        _writer = new BrokerWriter(_socket, services);
        _control = new ControlSession(services.Control, peer);
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
            // Off the board first: nobody has to hear of memory that goes with the own process.
            _services.Board.Remove(this);
            _control.End();
            _writer.Complete();
            await writing;
            _writer.DropUnsent();
        }
    }

    /// <summary>Ends the connection; safe from any thread, more than once, and after its end.</summary>
    public void HangUp()
    {
        try
        {
            _end.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended by itself in the meantime.
        }
    }

    /// <inheritdoc/>
    public void OnRevoked(ulong backingId, string reason)
    {
        if (!_writer.TryWrite(new OutgoingFrame(BrokerFrame.Revoked(backingId).ToBytes())))
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

    private async Task WriteFramesAsync()
    {
        if (!await _writer.RunAsync(_end.Token))
        {
            HangUp();
        }
    }

    private async Task ReadRequestsAsync()
    {
        // The shorter of the two beginnings; a token's request has a few bytes more.
        byte[] start = new byte[BrokerFrame.RequestBytes];
        await ReadFirstWordAsync();
        bool goesOn = true;
        while (goesOn && await ReadStartAsync(start.AsMemory(0, ControlHeader.Bytes)) is (true, var passed))
        {
            goesOn = ControlHeader.IsControl(start)
                ? await ControlAsync(ControlHeader.Read(start))
                : await ReadWholeAsync(start.AsMemory(ControlHeader.Bytes)) && await AnswerTokenAsync(start, passed);
            await CloseAsync(passed);
        }
    }

    // On a thread of its own: whose file it is, a close may wait for ever (FUSE), and the pool's threads are everybody's.
    private static Task CloseAsync(SafeFileHandle? passed) => passed is null
        ? Task.CompletedTask
        : Task.Factory.StartNew(passed.Dispose, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    // The beginning of a request, and the fd that came with it: .NET's sockets would drop that.
    private async ValueTask<(bool Read, SafeFileHandle? Passed)> ReadStartAsync(Memory<byte> start)
    {
        while (true)
        {
            switch (ScmRights.TryReceive(_socket.SafeHandle, start.Span, out int count, out SafeFileHandle? passed))
            {
                case ReceiveOutcome.Received when await ReadWholeAsync(start[count..]):
                    return (true, passed);
                case ReceiveOutcome.Empty:
                    await _socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, _end.Token);
                    break;
                default:
                    await CloseAsync(passed);
                    return (false, null);
            }
        }
    }

    private async ValueTask ReadFirstWordAsync()
    {
        await using ITimer late = HangUpAfter(FirstWordLimit);
        await _socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, _end.Token);
    }

    private async ValueTask<bool> ReadWholeAsync(Memory<byte> request)
    {
        ITimer? late = null;
        try
        {
            while (request.Length > 0)
            {
                ValueTask<int> some = _socket.ReceiveAsync(request, SocketFlags.None, _end.Token);

                // Nearly always the rest is there already: a request comes in one piece.
                late ??= some.IsCompleted ? null : HangUpAfter(RequestLimit);
                int count = await some;
                if (count == 0)
                {
                    return false;
                }

                request = request[count..];
            }

            return true;
        }
        finally
        {
            late?.Dispose();
        }
    }

    private ITimer HangUpAfter(TimeSpan limit) => _services.Time.CreateTimer(
        static connection => ((BrokerConnection)connection!).HangUpLate(), this, limit, Timeout.InfiniteTimeSpan);

    private void HangUpLate()
    {
        ServiceLog.BrokerClientLate(_services.Log);
        HangUp();
    }

    private async ValueTask<bool> AnswerTokenAsync(byte[] request, SafeFileHandle? passed)
    {
        switch (BrokerFrame.ReadRequest(request, out Handle128 value))
        {
            case BrokerFrame.Redeem:
                return await RedeemAsync(value);
            case BrokerFrame.Share:
                await _writer.WriteAsync(new OutgoingFrame(Share(passed).ToBytes()), _end.Token);
                return true;
            default:
                ServiceLog.BrokerRequestMalformed(_services.Log);
                await _writer.WriteAsync(new OutgoingFrame(BrokerFrame.Error(Errno.EINVAL, value).ToBytes()), _end.Token);
                return false;
        }
    }

    // A dma-buf that a program under coco run sent to this client: with the token it can be imported like any other.
    private BrokerFrame Share(SafeFileHandle? passed)
    {
        if (passed is null)
        {
            return BrokerFrame.Error(Errno.EBADF, default);
        }

        foreach (Guest guest in _services.Control.Host.List())
        {
            if (ProgramFiles.DmaBufOf(guest, passed) is { } buffer)
            {
                Result<Handle128> token = _services.Control.ShareTokens.Export(guest, buffer);
                return token.Ok ? BrokerFrame.ShareToken(token.Value, buffer.Size) : BrokerFrame.Error(token.Failure.Errno, default);
            }
        }

        return BrokerFrame.Error(Errno.EINVAL, default);
    }

    private async ValueTask<bool> RedeemAsync(Handle128 value)
    {
        FdToken? token = _services.Tokens.Redeem(value, _userId);
        Result<SafeFileHandle> fd = token?.Backing.OpenFd() ?? new Failure(Errno.ENOENT, "redeem", "look up token", "No such fd token.");
        if (token is null || !fd.Ok)
        {
            Errno errno = fd.Failure?.Errno ?? Errno.ENOENT;
            await _writer.WriteAsync(new OutgoingFrame(BrokerFrame.Error(errno, value).ToBytes()), _end.Token);
            return true;
        }

        await _writer.WriteAsync(new OutgoingFrame(BrokerFrame.Fd(token.Backing, value).ToBytes(), fd.Value), _end.Token);
        NoteHolder(token.Backing, token.Holder.Process.Guest);
        _services.Board.Add(token.Backing, token.Holder);
        return true;
    }

    private async ValueTask<bool> ControlAsync(ControlHeader header)
    {
        ControlRow? row = ControlTable.Find(header);
        ControlReply reply = ControlReply.Malformed;
        if (row is not null)
        {
            Memory<byte> body = _control.BodyOf(header);
            if (!await ReadWholeAsync(body))
            {
                return false;
            }

            reply = await EndWaitAsync(_control.Act(row, body.Span));
        }

        bool wrong = ReferenceEquals(reply, ControlReply.Malformed);
        if (wrong)
        {
            ServiceLog.BrokerRequestMalformed(_services.Log);
        }

        await AnswerAsync(header, reply);
        return !wrong;
    }

    // A client that hangs up interrupts its wait, as a signal does. Nothing is read meanwhile, so its going has to be watched for.
    private async ValueTask<ControlReply> EndWaitAsync(ControlReply reply)
    {
        if (reply.Wait is null)
        {
            return reply;
        }

        using IDisposable watch = _services.Poller.Watch(_socket.SafeHandle, Readiness.None, HangUp);
        return await reply.Wait.ResultAsync(_control.Guest, _end.Token) is { } failure ? failure : reply;
    }

    private async ValueTask AnswerAsync(ControlHeader header, ControlReply reply)
    {
        SafeFileHandle? fd = null;
        if (reply.Backing is { } backing)
        {
            Result<SafeFileHandle> opened = backing.OpenFd();
            if (opened.Ok)
            {
                fd = opened.Value;
            }
            else
            {
                reply.Undo?.Invoke();
                reply = opened.Failure;
            }
        }

        var sent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await _writer.WriteAsync(new OutgoingFrame(reply.ToFrame(header), fd, sent), _end.Token);
        if (reply.Backing is not null)
        {
            NoteHolder(reply.Backing, _control.Guest);
        }

        await sent.Task.WaitAsync(_end.Token);
    }

    // After the answer is queued, so that a revocation can only come behind it.
    private void NoteHolder(VisibleBacking backing, Guest guest)
    {
        _services.Mappings.Count(guest, backing.Size);
        _services.Board.Add(backing, this);
    }

    private void HangUpStalled()
    {
        ServiceLog.BrokerClientStalled(_services.Log);
        HangUp();
    }
}
