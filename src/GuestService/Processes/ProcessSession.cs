using System.Threading.Channels;
using CocoGuest.Machine;
using CocoGuest.Machine.Files;
using CocoGuest.V1;

namespace CocoGuest.Service.Processes;

/// <summary>
/// What the server keeps of one guest process beside the machine: who may use it, its event stream, its death signals.
/// </summary>
/// <remarks>
/// <para>States: <i>streamed</i> (an OpenProcess stream is its life), <i>orphaned</i> (the stream broke; the grace timer runs) and
/// <i>ended</i>. A stream that opens again with the secret leads from orphaned, or from a stream whose end was not noticed yet, back to
/// streamed. <see cref="ProcessSessions"/> makes the transitions. A forked child begins orphaned. A guest's init
/// has a session too, which is never streamed and never ends.</para>
/// <para>Events wait in a bounded queue, also while orphaned. It has one reader at a time: a new stream first waits for the old one's
/// loop, so an event is neither lost nor doubled by a take-over.</para>
/// </remarks>
internal sealed class ProcessSession : IRevocationListener
{
    private const int EventLimit = 1024;

    private readonly Channel<OpenProcessResponse> _events = Channel.CreateBounded<OpenProcessResponse>(EventLimit);

    /// <summary>A session of a process.</summary>
    /// <param name="process">The process.</param>
    /// <param name="ownerUserId">Who opened it over the Unix socket; null for TCP and for init.</param>
    public ProcessSession(GuestProcess process, uint? ownerUserId)
    {
        Process = process;
        OwnerUserId = ownerUserId;
    }

    /// <summary>The machine's process.</summary>
    public GuestProcess Process { get; }

    /// <summary>Who opened the process over the Unix socket; null: whoever has the handle may use it.</summary>
    public uint? OwnerUserId { get; }

    /// <summary>True for the session of a guest's init.</summary>
    public bool IsInit => ReferenceEquals(Process, Process.Guest.Processes.Init);

    /// <summary>fd tokens that were issued to the process; guarded by <see cref="FdTokenTable"/>.</summary>
    public TokenRing Tokens { get; } = new();

    /// <summary>Events that wait for the stream.</summary>
    public ChannelReader<OpenProcessResponse> Events => _events.Reader;

    /// <summary>The stream that is or was last the process' life; guarded by <see cref="ProcessSessions"/>.</summary>
    public StreamLease? Lease { get; set; }

    /// <summary>Runs while the process is orphaned; guarded by <see cref="ProcessSessions"/>.</summary>
    public ITimer? GraceTimer { get; set; }

    /// <summary>Watches the program at the other end of the Unix socket; guarded by <see cref="ProcessSessions"/>.</summary>
    public IDisposable? PeerWatch { get; set; }

    /// <summary>True once the process is over; guarded by <see cref="ProcessSessions"/>.</summary>
    public bool Ended { get; set; }

    /// <summary>True when the queue was full once: the stream ends, since events are missing.</summary>
    public bool EventsLost { get; private set; }

    /// <summary>Whether this user may use the process.</summary>
    /// <param name="userId">The caller's uid; null over TCP.</param>
    public bool MayBeUsedBy(uint? userId) => OwnerUserId is null || OwnerUserId == userId;

    /// <inheritdoc/>
    public void OnRevoked(ulong backingId, string reason) =>
        Post(new OpenProcessResponse { MemoryRevoked = new MemoryRevoked { BackingId = backingId, Reason = reason } });

    /// <summary>Puts an event into the queue; never waits.</summary>
    public void Post(OpenProcessResponse happened)
    {
        if (IsInit)
        {
            // It has no stream, so nobody would ever read.
            return;
        }

        if (!_events.Writer.TryWrite(happened) && !Ended)
        {
            EventsLost = true;
            Lease?.End();
        }
    }

    /// <summary>No event follows: the stream ends after the last one.</summary>
    public void CompleteEvents() => _events.Writer.TryComplete();
}
