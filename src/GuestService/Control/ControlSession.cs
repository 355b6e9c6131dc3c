using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Service.Access;
using CocoGuest.Service.Processes;
using Google.Protobuf;

namespace CocoGuest.Service.Control;

/// <summary>
/// The control protocol's side of one broker connection: at most one process, which lives as long as the connection.
/// </summary>
/// <remarks>
/// It does what gRPC's services do over the Unix socket, with the same parts, and under the same rule: whoever may connect may call. The
/// process belongs to the user who connected, and gRPC clients of that user may use its handle. It ends at once with the program that
/// connected, even if a child of that program still holds the socket; else with the connection. It has no grace time, and nobody learns its
/// secret.
/// </remarks>
internal sealed class ControlSession(ControlServices services, UnixPeer peer)
{
    private static readonly Failure NoProcess = new(
        Errno.EBADFD, "control", "check process", "This connection has no process yet; open one first.");

    private ProcessSession? _session;
    private byte[] _body = new byte[256];

    /// <summary>What it works with.</summary>
    public ControlServices Services => services;

    /// <summary>The process; only where <see cref="Act"/> has made sure of it.</summary>
    public GuestProcess Process => _session!.Process;

    /// <summary>The guest of the process.</summary>
    public Guest Guest => Process.Guest;

    /// <summary>Room for the body of the next request.</summary>
    public Memory<byte> BodyOf(ControlHeader request)
    {
        if (_body.Length < request.Length)
        {
            _body = new byte[request.Length];
        }

        return _body.AsMemory(0, (int)request.Length);
    }

    /// <summary>Carries out a request.</summary>
    public ControlReply Act(ControlRow row, ReadOnlySpan<byte> body)
    {
        var reader = new ControlReader(body);
        return row.NeedsProcess && _session is null ? NoProcess : row.Handler(this, ref reader);
    }

    /// <summary>EPERM for what the client may not say: the rule is that of the gRPC request, whose words are given.</summary>
    public Failure? Refusal<TRequest>(TRequest request)
        where TRequest : class, IMessage => FieldRights.Of<TRequest>().Refusal(request, peer.MayConnect);

    /// <summary>Starts the process.</summary>
    public Result<GuestProcess> Open(string guestName, string name)
    {
        if (_session is not null)
        {
            return new Failure(Errno.EBUSY, "open_process", "check process", "A connection has one process; connect again for another.");
        }

        Result<Guest> guest = services.Host.Find(guestName);
        if (!guest.Ok)
        {
            return guest.Failure;
        }

        Result<ProcessSession> opened = services.Sessions.Open(guest.Value, name, peer);
        if (!opened.Ok)
        {
            return opened.Failure;
        }

        _session = opened.Value;
        services.Sessions.WatchPeer(_session, peer);
        return _session.Process;
    }

    /// <summary>The connection is over, and the process with it.</summary>
    public void End()
    {
        if (_session is not null)
        {
            services.Sessions.Kill(_session, "its control connection ended");
        }
    }
}
