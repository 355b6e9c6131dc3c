using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using CocoGuest.Linux.Events;
using CocoGuest.Linux.Processes;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;
using CocoGuest.Service.Access;
using CocoGuest.Service.Interop;
using CocoGuest.Service.Logging;
using CocoGuest.Service.Options;
using CocoGuest.V1;
using Microsoft.Win32.SafeHandles;
using GuestShape = CocoGuest.Machine.Profiles.GuestShape;

namespace CocoGuest.Service.Processes;

/// <summary>
/// All processes that were opened or forked, by handle, and the rules of their death.
/// </summary>
/// <remarks>
/// <para>A process of the control protocol has no stream: its connection ends it, or its program (docs/protocol.md). Otherwise three
/// signals end a process: ExitProcess; the end of its stream, after a grace time in which a stream with the secret may take it over (always
/// there); the death of the program that opened it over the Unix socket, seen through its pidfd, at once (where there is one). All of them
/// lead to the machine's <c>End</c>, which tells <see cref="OnProcessEnded"/> under the guest's lock.</para>
/// <para>Lock order: the guest's lock, then this one. So nothing here calls into the machine with this lock held.</para>
/// </remarks>
internal sealed class ProcessSessions(
    FdTokenTable tokens, RevocationBoard board, FdPoller poller, ServerOptions options, TimeProvider time, ILogger<ProcessSessions> log)
{
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<Handle128, ProcessSession> _sessions = new();
    private readonly ConditionalWeakTable<Guest, ProcessSession> _inits = [];

    /// <summary>Live processes, without the guests' inits.</summary>
    public int Count => _sessions.Count;

    /// <summary>The session of a guest's init.</summary>
    public ProcessSession InitOf(Guest guest) =>
        _inits.TryGetValue(guest, out ProcessSession? session)
            ? session
            : _inits.GetValue(guest, static g => new ProcessSession(g.Processes.Init, ownerUserId: null));

    /// <summary>The session with this handle, or null.</summary>
    public ProcessSession? Find(Handle128 handle) => _sessions.GetValueOrDefault(handle);

    /// <summary>Starts a process.</summary>
    /// <param name="guest">Its guest.</param>
    /// <param name="name">Its name.</param>
    /// <param name="peer">Who asks; null over TCP.</param>
    /// <param name="contained">Whether nothing but the process' own end may be left of it: the caller is nobody known.</param>
    public Result<ProcessSession> Open(Guest guest, string name, UnixPeer? peer, bool contained = false)
    {
        Result<GuestProcess> process = guest.Processes.Open(name, contained);
        if (!process.Ok)
        {
            return process.Failure;
        }

        string caller = peer is null ? "a client over TCP" : string.Create(CultureInfo.InvariantCulture, $"uid {peer.Credentials.UserId}");
        ServiceLog.ProcessOpened(log, process.Value.Pid, guest.Shape.Name, caller);
        return Keep(process.Value, peer);
    }

    /// <summary>Forks a process. The child is orphaned: it has the grace time until a stream with its secret takes it over.</summary>
    /// <param name="parent">The parent.</param>
    /// <param name="peer">Who asks; null over TCP.</param>
    public Result<ProcessSession> Fork(ProcessSession parent, UnixPeer? peer)
    {
        Result<GuestProcess> child = parent.Process.Guest.Processes.Fork(parent.Process);
        if (!child.Ok)
        {
            return child.Failure;
        }

        ServiceLog.ProcessForked(log, child.Value.Pid, parent.Process.Guest.Shape.Name, parent.Process.Pid);
        ProcessSession session = Keep(child.Value, peer);
        lock (_lock)
        {
            if (!session.Ended)
            {
                StartGrace(session, null);
            }
        }

        return session;
    }

    /// <summary>Makes a stream the life of a process, in place of the stream before.</summary>
    /// <param name="session">The process.</param>
    /// <param name="peer">Whose death is the process' death from now on; null over TCP.</param>
    /// <returns>Dispose it when the stream's loop is over, after <see cref="Detach"/>.</returns>
    public async ValueTask<StreamLease> AttachAsync(ProcessSession session, UnixPeer? peer)
    {
        SafeFileHandle? pidFd = peer is null ? null : PidFd.OfPeer(peer.Socket, peer.Credentials.Pid);
        var lease = new StreamLease();
        StreamLease? before;
        lock (_lock)
        {
            before = session.Lease;
            session.Lease = lease;
            session.GraceTimer?.Dispose();
            session.GraceTimer = null;
            Watch(session, pidFd);
        }

        // The watch holds a reference of its own.
        pidFd?.Dispose();
        if (before is not null)
        {
            before.End();
            await before.Done;
        }

        return lease;
    }

    /// <summary>Makes the death of the program that connected a Unix socket the death of a process without a stream.</summary>
    public void WatchPeer(ProcessSession session, UnixPeer peer)
    {
        using SafeFileHandle? pidFd = PidFd.OfPeer(peer.Socket, peer.Credentials.Pid);
        lock (_lock)
        {
            Watch(session, pidFd);
        }
    }

    /// <summary>A process ends itself.</summary>
    public Failure? Exit(ProcessSession session)
    {
        Failure? refused = session.Process.Guest.Processes.End(session.Process);
        if (refused is null)
        {
            ServiceLog.ProcessExited(log, session.Process.Pid, session.Process.Guest.Shape.Name);
        }

        return refused;
    }

    /// <summary>Ends a process with all it holds, if it lives.</summary>
    public void Kill(ProcessSession session, string cause)
    {
        if (session.Process.Alive)
        {
            ServiceLog.ProcessDied(log, session.Process.Pid, session.Process.Guest.Shape.Name, cause);
            session.Process.Guest.Processes.End(session.Process);
        }
    }

    /// <summary>A stream is over. Unless another took its place, the process has the grace time left.</summary>
    public void Detach(ProcessSession session, StreamLease lease)
    {
        lock (_lock)
        {
            if (!session.Ended && ReferenceEquals(session.Lease, lease))
            {
                StartGrace(session, lease);
            }
        }
    }

    /// <summary>The machine has an event for a process; init has no stream and hears nothing. Under the guest's lock.</summary>
    public void Tell(GuestProcess process, OpenProcessResponse happened) => Find(process.Handle)?.Post(happened);

    /// <summary>The machine says that a process is gone. Under the guest's lock.</summary>
    public void OnProcessEnded(GuestProcess process)
    {
        if (_sessions.TryRemove(process.Handle, out ProcessSession? session))
        {
            Close(session);
        }
    }

    /// <summary>The machine says that there is a new guest.</summary>
    public void OnGuestCreated(Guest guest)
    {
        GuestShape shape = guest.Shape;
        (string platform, string kernel) = (ShapeWords.NameOf(shape.Platform), ShapeWords.NameOf(shape.Kernel));
        ServiceLog.GuestCreated(log, shape.Name, platform, kernel, shape.MemoryBytes >> 20);
    }

    /// <summary>The machine says that a guest is gone: each stream of it ends with the reason. Under the guest's lock.</summary>
    public void OnGuestEnded(Guest guest, string reason)
    {
        ServiceLog.GuestEnded(log, guest.Shape.Name, reason);
        foreach (ProcessSession session in _sessions.Values.Where(s => ReferenceEquals(s.Process.Guest, guest)))
        {
            session.Post(new OpenProcessResponse { GuestEnded = new GuestEnded { Reason = reason } });
            OnProcessEnded(session.Process);
        }

        if (_inits.TryGetValue(guest, out ProcessSession? init))
        {
            Close(init);
        }
    }

    private ProcessSession Keep(GuestProcess process, UnixPeer? peer)
    {
        var session = new ProcessSession(process, peer?.Credentials.UserId);
        _sessions[process.Handle] = session;
        if (!process.Alive)
        {
            // It ended between its start and the line above, and told nobody of a session that did not exist yet.
            OnProcessEnded(process);
        }

        return session;
    }

    private void StartGrace(ProcessSession session, StreamLease? lease) => session.GraceTimer =
        time.CreateTimer(_ => KillOrphan(session, lease), null, options.GraceTime, Timeout.InfiniteTimeSpan);

    private void KillOrphan(ProcessSession session, StreamLease? lease)
    {
        lock (_lock)
        {
            if (!ReferenceEquals(session.Lease, lease))
            {
                return;
            }
        }

        Kill(session, "its stream ended and nobody came back");
    }

    private void Watch(ProcessSession session, SafeFileHandle? pidFd)
    {
        session.PeerWatch?.Dispose();
        session.PeerWatch = pidFd is null || session.Ended
            ? null
            : poller.Watch(pidFd, Readiness.Readable, () => Kill(session, "its program ended"));
    }

    private void Close(ProcessSession session)
    {
        lock (_lock)
        {
            session.Ended = true;
            session.GraceTimer?.Dispose();
            session.PeerWatch?.Dispose();
        }

        session.CompleteEvents();
        board.Remove(session);
        tokens.DropAll(session);
    }
}
