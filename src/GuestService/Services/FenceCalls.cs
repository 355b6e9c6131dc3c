using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Requests;
using CocoGuest.V1;
using Grpc.Core;
using FileInfo = CocoGuest.Machine.Fences.SyncFileInfo;

namespace CocoGuest.Service.Services;

/// <summary>FenceService: timelines, sync files, poll. Only poll waits, and it does so outside the guest's lock.</summary>
internal sealed class FenceCalls(CallEntry entry, TimeProvider time) : FenceService.FenceServiceBase
{
    private const string PollOperation = "poll";

    /// <inheritdoc/>
    public override Task<CreateTimelineResponse> CreateTimeline(CreateTimelineRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        int fd = process.Guest.Fences.CreateTimeline(process, request.Name).OrThrow();
        return Task.FromResult(new CreateTimelineResponse { Fd = fd });
    }

    /// <inheritdoc/>
    public override Task<CreateFenceResponse> CreateFence(CreateFenceRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        int fd = process.Guest.Fences.CreateFence(process, request.Fd, request.Value).OrThrow();
        return Task.FromResult(new CreateFenceResponse { Fd = fd });
    }

    /// <inheritdoc/>
    public override Task<SignalTimelineResponse> SignalTimeline(SignalTimelineRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Fences.Advance(process, request.Fd, request.HasBy ? request.By : 1).ThrowIfFailed();
        return Task.FromResult(new SignalTimelineResponse());
    }

    /// <inheritdoc/>
    public override Task<ExportSyncFileResponse> ExportSyncFile(ExportSyncFileRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        int fd = process.Guest.Buffers.ExportSyncFile(process, request.Fd, request.Flags).OrThrow();
        return Task.FromResult(new ExportSyncFileResponse { Fd = fd });
    }

    /// <inheritdoc/>
    public override Task<ImportSyncFileResponse> ImportSyncFile(ImportSyncFileRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Buffers.ImportSyncFile(process, request.Fd, request.Flags, request.SyncFd).ThrowIfFailed();
        return Task.FromResult(new ImportSyncFileResponse());
    }

    /// <inheritdoc/>
    public override Task<MergeSyncFileResponse> MergeSyncFile(MergeSyncFileRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        int fd = process.Guest.Fences.Merge(process, request.Fd, request.Fd2).OrThrow();
        return Task.FromResult(new MergeSyncFileResponse { Fd = fd });
    }

    /// <inheritdoc/>
    public override Task<SyncFileInfoResponse> SyncFileInfo(SyncFileInfoRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        FileInfo info = process.Guest.Fences.Info(process, request.Fd).OrThrow();
        var response = new SyncFileInfoResponse { Status = info.Status };
        foreach (SyncFenceInfo fence in info.Fences)
        {
            response.Fences.Add(new SyncFence
            {
                Timeline = fence.Timeline,
                Driver = fence.Driver,
                Status = fence.Status,
                TimestampNanoseconds = fence.TimestampNanoseconds,
            });
        }

        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override async Task<PollBufferResponse> PollBuffer(PollBufferRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        TimeSpan limit = request.HasTimeoutNanoseconds ? Limit(request.TimeoutNanoseconds) : GuestFences.LongestWait;
        PollEntry[] rows = [new PollEntry(request.Fd, (PollEvents)request.Events)];
        long start = time.GetTimestamp();
        while (true)
        {
            // A fence that signals may leave others: poll asks again, with the time that is left.
            TimeSpan left = limit - time.GetElapsedTime(start);
            PollAnswer answer = process.Guest.Fences.Poll(process, rows, left > TimeSpan.Zero ? left : TimeSpan.Zero).OrThrow();
            if (answer.Wait is null)
            {
                return new PollBufferResponse { Revents = (uint)answer.Events[0] };
            }

            await answer.Wait.EndAsync(process.Guest, context.CancellationToken);
        }
    }

    private static TimeSpan Limit(ulong nanoseconds)
    {
        TimeSpan limit = RequestFields.Nanoseconds(nanoseconds, "timeout_nanoseconds", PollOperation);
        if (limit > GuestFences.LongestWait)
        {
            GrpcErrors.Throw(new Failure(Errno.EINVAL, PollOperation, "check timeout_nanoseconds",
                $"timeout_nanoseconds {nanoseconds} is more than the {GuestFences.LongestWait.TotalSeconds} s that any call waits.",
                "timeout_nanoseconds"));
        }

        return limit;
    }
}
