using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Requests;
using CocoGuest.Service.Streams;
using CocoGuest.V1;
using Google.Protobuf;
using Grpc.Core;
using PageStateRun = CocoGuest.Machine.PageState.PageStateRun;

namespace CocoGuest.Service.Services;

/// <summary>HypervisorService: what the untrusted host sees.</summary>
internal sealed partial class HypervisorCalls(CallEntry entry, GuestFollowers followers) : HypervisorService.HypervisorServiceBase
{
    private const uint DefaultRuns = 1024;

    /// <summary>A run takes some 40 bytes on the wire, so that the longest answer stays below the 4 MiB that clients accept.</summary>
    private const uint MostRuns = 65536;

    /// <inheritdoc/>
    public override Task<ReadHostMemoryResponse> ReadHostMemory(ReadHostMemoryRequest request, ServerCallContext context)
    {
        Guest guest = entry.Guest(context, request.Guest);
        byte[] data = RequestFields.BufferFor(request.Length, "read_host_memory");
        guest.HostView.Read(request.Address, data).ThrowIfFailed();
        return Task.FromResult(new ReadHostMemoryResponse { Data = UnsafeByteOperations.UnsafeWrap(data) });
    }

    /// <inheritdoc/>
    public override Task<GetPageStatesResponse> GetPageStates(GetPageStatesRequest request, ServerCallContext context)
    {
        Guest guest = entry.Guest(context, request.Guest);
        if (request.MaxRuns > MostRuns)
        {
            GrpcErrors.Throw(new Failure(Errno.EINVAL, "get_page_states", "check max_runs",
                $"max_runs {request.MaxRuns} is above {MostRuns}.", "max_runs"));
        }

        int most = (int)(request.MaxRuns == 0 ? DefaultRuns : request.MaxRuns);
        IReadOnlyList<PageStateRun> runs = guest.HostView.PageStates(request.Address, request.Length, most).OrThrow();
        var response = new GetPageStatesResponse();
        ulong end = request.Length == 0 ? guest.HostView.EndAddress : request.Address + request.Length;
        ulong next = request.Address;
        foreach (PageStateRun run in runs)
        {
            response.Runs.Add(PageStateWords.Write(run));
            next = run.Range.Address + run.Range.Bytes;
        }

        response.NextAddress = runs.Count == most && next < end ? next : 0;
        return Task.FromResult(response);
    }
}
