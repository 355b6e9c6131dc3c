using System.Threading.Channels;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Logging;
using CocoGuest.Supervisor;
using CocoGuest.Supervisor.Launch;
using CocoGuest.Supervisor.Reports;
using CocoGuest.V1;
using Grpc.Core;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Service.Services;

/// <summary>
/// RunService: programs of other processes that run as processes of a guest.
/// <para>The stream is the lifetime: when it ends, so does the supervision, and calls of the program that the filter stops fail. Who calls
/// is who is asked: the listener is taken out of the process at the other end of the Unix socket, never out of another.</para>
/// </summary>
internal sealed class RunCalls(CallEntry entry, ILogger<RunCalls> log) : RunService.RunServiceBase
{
    private const string Operation = "supervise";

    /// <inheritdoc/>
    public override async Task Supervise(
        IAsyncStreamReader<SuperviseRequest> requestStream, IServerStreamWriter<SuperviseResponse> responseStream,
        ServerCallContext context)
    {
        ProgramStart start = (await NextAsync(requestStream, context))?.Start
            ?? throw GrpcErrors.Of(Wrong("the first request has to be a start.", "start"));
        Guest guest = entry.Guest(context, start.Guest);
        var said = Channel.CreateBounded<string>(new BoundedChannelOptions(256) { FullMode = BoundedChannelFullMode.DropWrite });
        using ServedRun run = Begin(guest, start, context, sentence => said.Writer.TryWrite(sentence));
        ServiceLog.ProgramBegan(log, start.Pid, guest.Shape.Name);
        await responseStream.WriteAsync(new() { Begun = new() { WakesOnSameCpu = run.WakesOnSameCpu } }, context.CancellationToken);
        Task saying = SayAsync(said.Reader, responseStream, context.CancellationToken);
        try
        {
            ProgramEnd? end = (await NextAsync(requestStream, context))?.End;
            if (end is not null)
            {
                await run.Served.WaitAsync(context.CancellationToken);
                said.Writer.Complete();
                await saying;
                ServiceLog.ProgramEnded(log, start.Pid, guest.Shape.Name, end.ExitCode);
                ProgramReport report = Write(run.Finish(end.ExitCode, (int)end.LeftRunning));
                await responseStream.WriteAsync(new() { Report = report }, context.CancellationToken);
            }
        }
        finally
        {
            said.Writer.TryComplete();
        }
    }

    private static ServedRun Begin(Guest guest, ProgramStart start, ServerCallContext context, Action<string> say)
    {
        if (CallEntry.PeerOf(context) is not { } peer)
        {
            throw GrpcErrors.Of(new Failure(Errno.EPERM, Operation, "check caller",
                "Programs are supervised for callers of the Unix socket only."));
        }

        if (start.FdFloor < 0 || start.FdLimit <= start.FdFloor || start.FdLimit > 1 << 20)
        {
            throw GrpcErrors.Of(Wrong(
                $"fds from {start.FdFloor} to below {start.FdLimit} are no range inside 0 to {1 << 20}.", "fd_floor"));
        }

        SafeFileHandle listener = ListenerTheft.Take(peer.Credentials.Pid, start.ListenerFd).OrThrow();
        var options = new RunOptions
        {
            Strict = start.Strict,
            Uid = start.Uid,
            Gid = start.Gid,
            FdFloor = start.FdFloor,
            FdLimit = start.FdLimit,
        };
        return new ServedRun(guest, listener, start.Pid, options, start.Program.Count == 0 ? ["?"] : [.. start.Program], say);
    }

    private static async Task<SuperviseRequest?> NextAsync(IAsyncStreamReader<SuperviseRequest> requests, ServerCallContext context) =>
        await requests.MoveNext(context.CancellationToken) ? requests.Current : null;

    private static async Task SayAsync(
        ChannelReader<string> said, IServerStreamWriter<SuperviseResponse> responses, CancellationToken callEnd)
    {
        await foreach (string sentence in said.ReadAllAsync(callEnd))
        {
            await responses.WriteAsync(new() { Said = sentence }, callEnd);
        }
    }

    private static ProgramReport Write(RunOutcome outcome) => new()
    {
        Text = outcome.Text,
        Json = outcome.Json,
        Junit = outcome.JUnit,
        UnfiredFaults = (uint)outcome.UnfiredFaults,
    };

    private static Failure Wrong(string sentence, string field) => new(Errno.EINVAL, Operation, "check request", sentence, field);
}
