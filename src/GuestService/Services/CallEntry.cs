using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Service.Access;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Processes;
using CocoGuest.Service.Requests;
using Grpc.Core;

namespace CocoGuest.Service.Services;

/// <summary>
/// The first step of every call: is it still wanted, and which guest and process does it mean. A call that was cancelled before this step
/// did nothing; after it, it happens as a whole.
/// </summary>
internal sealed class CallEntry(GuestRegistry host, ProcessSessions sessions, AccessGate gate)
{
    /// <summary>The guest that a request names; empty: "default". ENOENT ends the call.</summary>
    public Guest Guest(ServerCallContext context, string guest)
    {
        CheckWanted(context);
        return host.Find(guest).OrThrow();
    }

    /// <summary>
    /// The process that a request names. Empty: the guest's init. Otherwise the handle decides, and the guest has to be its guest where
    /// it is given.
    /// </summary>
    public ProcessSession Process(ServerCallContext context, string guest, string process)
    {
        CheckWanted(context);
        if (process.Length == 0)
        {
            return sessions.InitOf(host.Find(guest).OrThrow());
        }

        Handle128 handle = RequestFields.Handle(process, "process", "find_process");
        if (sessions.Find(handle) is not { } session
            || (guest.Length != 0 && guest != session.Process.Guest.Shape.Name))
        {
            GrpcErrors.Throw(new Failure(Errno.ENOENT, "find_process", "look up handle",
                "There is no process with this handle in this guest; it exited, was killed, or never was.", "process"));
            return null!;
        }

        CheckUser(session, PeerOf(context));
        return session;
    }

    /// <summary>
    /// EPERM for somebody without every right who would leave something in init: it is everybody's and never ends. A process of one's own
    /// ends, and what it made ends with it.
    /// </summary>
    public void CheckMayLeave(ServerCallContext context, ProcessSession session, string operation)
    {
        if (session.IsInit && !gate.MayAll(context.GetHttpContext()))
        {
            GrpcErrors.Throw(new Failure(Errno.EPERM, operation, "check process",
                "This would stay with init, which all share, for as long as the guest lives: over TCP without the token it takes a "
                + "process of one's own (OpenProcess).", "process"));
        }
    }

    /// <summary>Who is at the other end of the Unix socket; null over TCP.</summary>
    public static UnixPeer? PeerOf(ServerCallContext context) => context.GetHttpContext().Features.Get<UnixPeer>();

    /// <summary>Ends a call that its client has given up.</summary>
    public static void CheckWanted(ServerCallContext context)
    {
        if (context.CancellationToken.IsCancellationRequested)
        {
            ThrowCancelled();
        }
    }

    /// <summary>EPERM for a process that was opened over the Unix socket by somebody else.</summary>
    public static void CheckUser(ProcessSession session, UnixPeer? peer)
    {
        if (session.OwnerUserId is not null && !session.MayBeUsedBy(peer?.Credentials.UserId))
        {
            GrpcErrors.Throw(new Failure(Errno.EPERM, "find_process", "check user",
                "This process was opened over the Unix socket; only the same user may use it, and only there.", "process"));
        }
    }

    private static void ThrowCancelled() =>
        throw new RpcException(new Status(StatusCode.Cancelled, "The call was given up before it began."));
}
