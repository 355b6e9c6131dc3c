using System.ComponentModel;
using System.Net.Sockets;
using CocoGuest.Client.Internal;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Client;

/// <summary>
/// A connection to the fd broker: a token goes in, a memfd comes out; news of revoked memory arrive on the same socket, and its end says
/// that the server is gone. One thread of its own reads, because an fd can only be received by a blocking recvmsg (docs/protocol.md).
/// Invariant: a received fd is either handed to the one caller that waits for its token, or closed.
/// </summary>
public sealed class BrokerConnection : IDisposable
{
    private readonly Socket _socket;
    private readonly string _path;
    private readonly Lock _lock = new();
    private readonly Dictionary<UInt128, TaskCompletionSource<ReceivedMemory>> _waiting = [];
    private ServerGoneException? _gone;
    private bool _disposed;

    private BrokerConnection(Socket socket, string path)
    {
        _socket = socket;
        _path = path;
        new Thread(ReadFrames) { IsBackground = true, Name = "fd broker" }.Start();
    }

    /// <summary>Memory was taken back; the argument is its backing id. Raised on the reading thread.</summary>
    public event Action<ulong>? Revoked;

    /// <summary>The server hung up. Raised once, on the reading thread, and not after <see cref="Dispose"/>.</summary>
    public event Action? ServerGone;

    /// <summary>Connects.</summary>
    /// <param name="path">The broker's socket, as OpenProcess, Mmap or MapDmaBuf named it.</param>
    /// <exception cref="ServerGoneException">Nobody listens there.</exception>
    public static BrokerConnection Connect(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return new BrokerConnection(socket, path);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new ServerGoneException($"No fd broker listens at {path}: {e.Message}", e);
        }
    }

    /// <summary>Redeems a token.</summary>
    /// <param name="token">32 hex digits, as Mmap or MapDmaBuf gave them; works once.</param>
    /// <param name="cancel">Gives up waiting; the token is used up all the same.</param>
    /// <exception cref="CocoException">ENOENT: the token is unknown, used, expired or another user's.</exception>
    /// <exception cref="ServerGoneException">The server hung up.</exception>
    public async Task<ReceivedMemory> RedeemAsync(string token, CancellationToken cancel = default)
    {
        UInt128 number = BrokerFrame.ParseToken(token);
        var waiter = new TaskCompletionSource<ReceivedMemory>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_gone is not null)
                throw _gone;
            _waiting.Add(number, waiter);
            Send(number);
        }

        await using CancellationTokenRegistration registration = cancel.Register(() => GiveUp(number, waiter, cancel));
        return await waiter.Task;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
                return;
            _disposed = true;
        }

        // Wakes the reading thread out of recvmsg; it closes the socket.
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            // Already hung up.
        }
        catch (ObjectDisposedException)
        {
            // The reading thread saw the end first.
        }
    }

    private void Send(UInt128 token)
    {
        Span<byte> frame = stackalloc byte[BrokerFrame.RequestLength];
        BrokerFrame.WriteRedeem(frame, token);
        try
        {
            _socket.Send(frame);
        }
        catch (SocketException e)
        {
            _waiting.Remove(token);
            throw new ServerGoneException($"The fd broker at {_path} hung up: {e.Message}", e);
        }
    }

    private void GiveUp(UInt128 token, TaskCompletionSource<ReceivedMemory> waiter, CancellationToken cancel)
    {
        lock (_lock)
            _waiting.Remove(token);
        waiter.TrySetCanceled(cancel);
    }

    private void ReadFrames()
    {
        string reason;
        try
        {
            byte[] frame = new byte[BrokerFrame.AnswerLength];
            while (FdReceiver.ReceiveFrame(_socket.SafeHandle, frame, out SafeFileHandle? fd))
                Dispatch(BrokerFrame.Parse(frame), fd);
            reason = "it hung up";
        }
        catch (Exception e) when (e is Win32Exception or InvalidDataException or ObjectDisposedException)
        {
            reason = e.Message;
        }

        End(new ServerGoneException($"The fd broker at {_path} is gone: {reason}."));
    }

    private void Dispatch(in BrokerFrame frame, Microsoft.Win32.SafeHandles.SafeFileHandle? fd)
    {
        if (frame.Kind == BrokerFrame.KindRevoked)
        {
            fd?.Dispose();
            Revoked?.Invoke(frame.BackingId);
            return;
        }

        TaskCompletionSource<ReceivedMemory>? waiter;
        lock (_lock)
            _waiting.Remove(frame.Token, out waiter);
        if (frame.Kind == BrokerFrame.KindFd && fd is not null)
        {
            var memory = new ReceivedMemory(fd, frame.BackingId, frame.Size, frame.ReadOnly);
            // Nobody waits any more: a cancelled caller. Nobody else may ever own the fd.
            if (waiter is null || !waiter.TrySetResult(memory))
                memory.Dispose();
            return;
        }

        fd?.Dispose();
        waiter?.TrySetException(Refused(frame));
    }

    private static CocoException Refused(in BrokerFrame frame) => frame.Errno == 2
        ? new CocoException(2, "ENOENT", "redeem", "token", "The fd token is unknown, used, expired or another user's.")
        : new CocoException(
            frame.Errno, frame.Errno == 22 ? "EINVAL" : "", "redeem", "frame", $"The fd broker refused with errno {frame.Errno}.");

    private void End(ServerGoneException gone)
    {
        List<TaskCompletionSource<ReceivedMemory>> left;
        bool wanted;
        lock (_lock)
        {
            _gone = gone;
            wanted = _disposed;
            left = [.. _waiting.Values];
            _waiting.Clear();
        }

        _socket.Dispose();
        foreach (TaskCompletionSource<ReceivedMemory> waiter in left)
            waiter.TrySetException(gone);
        if (!wanted)
            ServerGone?.Invoke();
    }
}
