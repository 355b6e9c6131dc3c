using System.Net.Sockets;
using System.Threading.Channels;
using CocoGuest.Linux.Events;
using CocoGuest.Linux.Sockets;
using CocoGuest.Service.Logging;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Service.Broker;

/// <summary>
/// The sending half of a broker connection: a bounded queue of frames, and the loop that writes them.
/// </summary>
/// <remarks>
/// Answers wait for room in the queue, so a client that does not read stops being read from. Revocations cannot wait: they come from under
/// a guest's lock. An fd in the queue belongs to the queue: it is closed after it was sent, or when the connection ends.
/// </remarks>
/// <param name="socket">The client.</param>
/// <param name="services">What all connections share.</param>
internal sealed class BrokerWriter(Socket socket, BrokerServices services)
{
    private const int QueueLimit = 4096;
    private static readonly TimeSpan StallLimit = TimeSpan.FromSeconds(10);

    private readonly Channel<OutgoingFrame> _frames =
        Channel.CreateBounded<OutgoingFrame>(new BoundedChannelOptions(QueueLimit) { SingleReader = true });

    /// <summary>Puts a frame into the queue, when there is room.</summary>
    public async ValueTask WriteAsync(OutgoingFrame frame, CancellationToken end)
    {
        try
        {
            await _frames.Writer.WriteAsync(frame, end);
        }
        catch
        {
            frame.Fd?.Dispose();
            throw;
        }
    }

    /// <summary>Puts a frame into the queue, or says that there is no room.</summary>
    public bool TryWrite(OutgoingFrame frame) => _frames.Writer.TryWrite(frame);

    /// <summary>No frame follows.</summary>
    public void Complete() => _frames.Writer.TryComplete();

    /// <summary>Closes what was never sent; after <see cref="RunAsync"/>.</summary>
    public void DropUnsent()
    {
        while (_frames.Reader.TryRead(out OutgoingFrame unsent))
        {
            unsent.Fd?.Dispose();
        }
    }

    /// <summary>Writes frames until there are no more.</summary>
    /// <param name="end">Fires when the connection is hung up.</param>
    /// <returns>False when the client is gone or does not read: the connection has to end.</returns>
    public async Task<bool> RunAsync(CancellationToken end)
    {
        try
        {
            while (await _frames.Reader.WaitToReadAsync(end))
            {
                while (_frames.Reader.TryRead(out OutgoingFrame next))
                {
                    using SafeFileHandle? fd = next.Fd;
                    if (!await SendAsync(next.Bytes, fd, end))
                    {
                        return false;
                    }

                    next.Sent?.SetResult();
                }
            }

            // Everything said, the answer to a malformed request included.
            socket.Shutdown(SocketShutdown.Both);
            return true;
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    private async ValueTask<bool> SendAsync(ReadOnlyMemory<byte> bytes, SafeFileHandle? fd, CancellationToken end)
    {
        while (bytes.Length > 0)
        {
            switch (ScmRights.TrySend(socket.SafeHandle, bytes.Span, fd, out int sent))
            {
                case SendOutcome.Sent:
                    // A long answer may go in pieces; the fd went with the first.
                    bytes = bytes[sent..];
                    fd = null;
                    break;
                case SendOutcome.Gone:
                    return false;
                default:
                    if (!await WaitWritableAsync(end))
                    {
                        ServiceLog.BrokerClientStalled(services.Log);
                        return false;
                    }

                    break;
            }
        }

        return true;
    }

    private async ValueTask<bool> WaitWritableAsync(CancellationToken end)
    {
        var writable = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using IDisposable watch = services.Poller.Watch(socket.SafeHandle, Readiness.Writable, writable.SetResult);
        try
        {
            await writable.Task.WaitAsync(StallLimit, services.Time, end);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}
