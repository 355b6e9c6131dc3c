using System.Threading.Channels;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Service.Logging;
using CocoGuest.V1;

namespace CocoGuest.Service.Processes;

/// <summary>The loop of one OpenProcess stream: events from the queue to the wire, in order, until one side ends.</summary>
internal static class ProcessStream
{
    private static readonly Failure TakenOver = new(
        Errno.EINTR, "open_process", "stream", "Another stream took this process over.", "process");

    private static readonly Failure NotRead = new(Errno.ENOSPC, "open_process", "stream",
        "Events were lost because the stream was not read; the process lives on for the grace time.");

    /// <summary>Writes events until the process or the client's call ends.</summary>
    /// <param name="session">The process.</param>
    /// <param name="lease">The stream's right to be the process' life.</param>
    /// <param name="write">Sends one message.</param>
    /// <param name="log">Log.</param>
    /// <param name="callEnd">Fires when the client's call is over.</param>
    /// <returns>Null for an end that is none of the server's complaints; else why the server ended the stream.</returns>
    public static async Task<Failure?> RunAsync(
        ProcessSession session,
        StreamLease lease,
        Func<OpenProcessResponse, CancellationToken, Task> write,
        ILogger log,
        CancellationToken callEnd)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(lease.Ending, callEnd);
        ChannelReader<OpenProcessResponse> events = session.Events;
        try
        {
            while (await events.WaitToReadAsync(either.Token))
            {
                // Taken out only after it was written: a stream that takes over sends again what this one could not.
                while (events.TryPeek(out OpenProcessResponse? next))
                {
                    await write(next, either.Token);
                    events.TryRead(out _);
                }
            }

            return null;
        }
        catch (OperationCanceledException) when (session.EventsLost && lease.Ending.IsCancellationRequested)
        {
            ServiceLog.EventsNotRead(log, session.Process.Pid, session.Process.Guest.Shape.Name);
            return NotRead;
        }
        catch (OperationCanceledException) when (lease.Ending.IsCancellationRequested)
        {
            return TakenOver;
        }
        catch (Exception) when (callEnd.IsCancellationRequested)
        {
            // The client went away; whatever the write said about that is no news.
            return null;
        }
    }
}
