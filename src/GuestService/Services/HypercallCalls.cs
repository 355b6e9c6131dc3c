using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Host;
using CocoGuest.Machine.PageState;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Requests;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Service.Services;

/// <summary>HypercallService: page-state calls with raw registers.</summary>
internal sealed class HypercallCalls(CallEntry entry) : HypercallService.HypercallServiceBase
{
    /// <summary>The header and the entries that a GHCB page has room for (S-SNP-22).</summary>
    private const int MostWords = 254;

    /// <inheritdoc/>
    public override Task<MapGpaRangeResponse> MapGpaRange(MapGpaRangeRequest request, ServerCallContext context)
    {
        GuestHypercalls calls = entry.Guest(context, request.Guest).Hypercalls;
        long result = calls.MapGpaRange(request.Address, request.Pages, request.Attributes).OrThrow();
        return Task.FromResult(new MapGpaRangeResponse { Result = result });
    }

    /// <inheritdoc/>
    public override Task<PageStateChangeResponse> PageStateChange(PageStateChangeRequest request, ServerCallContext context)
    {
        GuestHypercalls calls = entry.Guest(context, request.Guest).Hypercalls;
        if (request.Words.Count > MostWords)
        {
            GrpcErrors.Throw(new Failure(Errno.EINVAL, "page_state_change", "check words",
                $"{request.Words.Count} words are more than the {MostWords} of a GHCB page (S-SNP-22).", "words"));
        }

        ulong[] words = [.. request.Words];
        var response = new PageStateChangeResponse { ExitInfo2 = calls.PageStateChange(words).OrThrow() };
        response.Words.AddRange(words);
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<PageStateChangeMsrResponse> PageStateChangeMsr(PageStateChangeMsrRequest request, ServerCallContext context)
    {
        GuestHypercalls calls = entry.Guest(context, request.Guest).Hypercalls;
        return Task.FromResult(new PageStateChangeMsrResponse { Msr = calls.PageStateChangeMsr(request.Msr).OrThrow() });
    }

    /// <inheritdoc/>
    public override Task<PvalidateResponse> Pvalidate(PvalidateRequest request, ServerCallContext context)
    {
        GuestHypercalls calls = entry.Guest(context, request.Guest).Hypercalls;
        (uint code, bool noChange) = calls.Pvalidate(request.Address, RequestFields.EntrySize(request.Large), request.Validate).OrThrow();
        return Task.FromResult(new PvalidateResponse { Code = code, NoChange = noChange });
    }

    /// <inheritdoc/>
    public override Task<MapGpaResponse> MapGpa(MapGpaRequest request, ServerCallContext context)
    {
        GuestHypercalls calls = entry.Guest(context, request.Guest).Hypercalls;
        (ulong r10, ulong r11) = calls.MapGpa(request.Start, request.Size).OrThrow();
        return Task.FromResult(new MapGpaResponse { R10 = r10, R11 = r11 });
    }

    /// <inheritdoc/>
    public override Task<AcceptPageResponse> AcceptPage(AcceptPageRequest request, ServerCallContext context)
    {
        GuestHypercalls calls = entry.Guest(context, request.Guest).Hypercalls;
        return Task.FromResult(new AcceptPageResponse { Rax = calls.AcceptPage(request.Rcx).OrThrow() });
    }

    /// <inheritdoc/>
    public override Task<SetIpaStateResponse> SetIpaState(SetIpaStateRequest request, ServerCallContext context)
    {
        GuestHypercalls calls = entry.Guest(context, request.Guest).Hypercalls;
        (ulong top, bool rejected) = calls
            .SetIpaState(request.Base, request.Top, (RipasState)request.State, request.ChangeDestroyed).OrThrow();
        return Task.FromResult(new SetIpaStateResponse { Top = top, Rejected = rejected });
    }

    /// <inheritdoc/>
    public override Task<SharePagesResponse> SharePages(SharePagesRequest request, ServerCallContext context)
    {
        GuestHypercalls calls = entry.Guest(context, request.Guest).Hypercalls;
        ulong done = calls.SharePages(request.Address, request.Pages, RequestFields.Direction(request.Direction, "share_pages")).OrThrow();
        return Task.FromResult(new SharePagesResponse { PagesDone = done });
    }
}
