using CocoGuest.Service.Options;
using CocoGuest.Service.Processes;
using CocoGuest.V1;

namespace CocoGuest.Service.Services;

/// <summary>Writes what a client has to know of a process of its own: the first message of its stream, or the answer to a fork.</summary>
internal sealed class ProcessOpenedWriter(FdTokens fdTokens, ServerOptions options)
{
    /// <summary>Handle, secret, pid, broker, grace time.</summary>
    public ProcessOpened Write(ProcessSession session) => new()
    {
        Process = session.Process.Handle.ToString(),
        Secret = session.Process.Secret.ToString(),
        Pid = session.Process.Pid,
        BrokerPath = fdTokens.BrokerPath,
        GraceTimeNanoseconds = (ulong)options.GraceTime.Ticks * 100,
    };
}
