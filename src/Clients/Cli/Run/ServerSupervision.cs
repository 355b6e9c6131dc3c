using CocoGuest.Client;
using CocoGuest.Supervisor;
using CocoGuest.Supervisor.Launch;
using CocoGuest.Supervisor.Reports;
using CocoGuest.V1;
using Grpc.Core;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Cli.Run;

/// <summary>The guest is a server's, and so is the supervisor: it takes the listener out of this process (RunService).</summary>
internal sealed class ServerSupervision(CocoConnection connection, string guest, Action<string> say) : ISupervision
{
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private AsyncDuplexStreamingCall<SuperviseRequest, SuperviseResponse>? _call;
    private Task<ProgramReport?> _reading = Task.FromResult<ProgramReport?>(null);

    /// <inheritdoc/>
    public bool IsForeign => true;

    /// <inheritdoc/>
    public void Begin(SafeFileHandle listener, int root, RunOptions options, IReadOnlyList<string> program)
    {
        TracePermission.GiveToAny();
        // Once the server has it, ours goes: or calls would wait for ever for a server that died.
        using (listener)
        {
            _call = connection.Run.Supervise();
            _reading = ReadAsync(_call.ResponseStream);
            var start = new ProgramStart
            {
                Guest = guest,
                ListenerFd = (int)listener.DangerousGetHandle(),
                Pid = root,
                Strict = options.Strict,
                Uid = options.Uid,
                Gid = options.Gid,
                FdFloor = options.FdFloor,
                FdLimit = options.FdLimit,
                Program = { program },
            };
            _call.RequestStream.WriteAsync(new SuperviseRequest { Start = start }).GetAwaiter().GetResult();
            Task.WhenAny(_begun.Task, _reading).Unwrap().GetAwaiter().GetResult();
            if (!_begun.Task.IsCompleted)
            {
                throw new CocoException("The server ended the stream before it began.");
            }
        }
    }

    /// <inheritdoc/>
    public bool Serve(SafeFileHandle ended) => Task.WaitAny(HangUp.Of(ended), _reading) == 0;

    /// <inheritdoc/>
    public RunOutcome Finish(int exitCode, int leftRunning)
    {
        try
        {
            var end = new ProgramEnd { ExitCode = exitCode, LeftRunning = (uint)leftRunning };
            _call!.RequestStream.WriteAsync(new SuperviseRequest { End = end }).GetAwaiter().GetResult();
            _call.RequestStream.CompleteAsync().GetAwaiter().GetResult();
            if (_reading.GetAwaiter().GetResult() is { } report)
            {
                return new RunOutcome(exitCode, report.Text, report.Json, report.Junit, (int)report.UnfiredFaults);
            }
        }
        // A call that ended before something is written to it says so by InvalidOperationException.
        catch (Exception e) when (e is RpcException or CocoException or ServerGoneException or InvalidOperationException)
        {
            say($"the server gave no report: {(e is RpcException rpc ? rpc.Status.Detail : e.Message)}");
        }

        // Calls that nobody answered failed: that the program succeeded all the same says nothing of it.
        return RunOutcome.WithoutReport(exitCode != 0 ? exitCode : RunOutcome.NoOutcome, "");
    }

    /// <inheritdoc/>
    public void Dispose() => _call?.Dispose();

    private async Task<ProgramReport?> ReadAsync(IAsyncStreamReader<SuperviseResponse> responses)
    {
        while (await responses.MoveNext(CancellationToken.None))
        {
            switch (responses.Current.EventCase)
            {
                case SuperviseResponse.EventOneofCase.Begun:
                    _begun.SetResult();
                    break;
                case SuperviseResponse.EventOneofCase.Said:
                    say(responses.Current.Said);
                    break;
                case SuperviseResponse.EventOneofCase.Report:
                    return responses.Current.Report;
            }
        }

        return null;
    }
}
