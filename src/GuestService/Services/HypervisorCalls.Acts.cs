using CocoGuest.Machine;
using CocoGuest.Machine.Host;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Requests;
using CocoGuest.Service.Streams;
using CocoGuest.V1;
using Grpc.Core;
using ConversionDirection = CocoGuest.V1.ConversionDirection;
using MachineCause = CocoGuest.Machine.PageState.PageStateCause;
using MachineChange = CocoGuest.Machine.PageState.PageStateChange;
using MachineConduct = CocoGuest.Machine.PageState.HypervisorConduct;
using MachineDirection = CocoGuest.Machine.Memory.ConversionDirection;
using MachinePolicy = CocoGuest.Machine.PageState.HypervisorPolicy;
using MachineRun = CocoGuest.Machine.PageState.PageStateRun;

namespace CocoGuest.Service.Services;

/// <summary>What the host does to a guest, and how it watches the guest's pages.</summary>
internal sealed partial class HypervisorCalls
{
    /// <inheritdoc/>
    public override Task<WriteHostMemoryResponse> WriteHostMemory(WriteHostMemoryRequest request, ServerCallContext context)
    {
        entry.Guest(context, request.Guest).HostView.Write(request.Address, request.Data.Span).ThrowIfFailed();
        return Task.FromResult(new WriteHostMemoryResponse());
    }

    /// <inheritdoc/>
    public override async Task WatchPageStates(
        WatchPageStatesRequest request, IServerStreamWriter<WatchPageStatesResponse> responseStream, ServerCallContext context)
    {
        Guest guest = entry.Guest(context, request.Guest);
        // The same rules as for looking once; they are its, too.
        guest.HostView.PageStates(request.Address, request.Length, maxRuns: 1).OrThrow();
        ulong bytes = request.Length == 0 ? guest.HostView.EndAddress - request.Address : request.Length;
        using GuestFollower follower = followers.Follow(guest, new FrameRange(Page.FrameOf(request.Address), bytes >> Page.Shift));

        // Who has the headers misses no change from then on.
        await context.WriteResponseHeadersAsync([]);
        await follower.RunAsync(
            DrainAsync,
            (ended, callEnd) => responseStream.WriteAsync(new() { GuestEnded = ended }, callEnd),
            once: false,
            context.CancellationToken);

        async Task DrainAsync(CancellationToken callEnd)
        {
            (IReadOnlyList<MachineChange> changes, ulong lost) = follower.TakeChanges();
            if (changes.Count != 0)
            {
                var message = new PageStateChanges { Lost = lost };
                message.Changes.AddRange(changes.Select(Write));
                await responseStream.WriteAsync(new() { Changes = message }, callEnd);
            }
        }
    }

    /// <inheritdoc/>
    public override Task<SetHypervisorPolicyResponse> SetHypervisorPolicy(SetHypervisorPolicyRequest request, ServerCallContext context)
    {
        Guest guest = entry.Guest(context, request.Guest);
        guest.Vmm.SetPolicy(PolicyOf(request.Policy ?? new HypervisorPolicy())).ThrowIfFailed();
        return Task.FromResult(new SetHypervisorPolicyResponse());
    }

    /// <inheritdoc/>
    public override Task<GetHypervisorPolicyResponse> GetHypervisorPolicy(GetHypervisorPolicyRequest request, ServerCallContext context) =>
        Task.FromResult(new GetHypervisorPolicyResponse { Policy = Write(entry.Guest(context, request.Guest).Vmm.Policy) });

    /// <inheritdoc/>
    public override Task<ChangePagesResponse> ChangePages(ChangePagesRequest request, ServerCallContext context)
    {
        Guest guest = entry.Guest(context, request.Guest);
        MachineDirection direction = RequestFields.Direction(request.Direction, "change_pages");
        guest.Vmm.ChangePages(request.Address, request.Length, direction).ThrowIfFailed();
        return Task.FromResult(new ChangePagesResponse());
    }

    /// <inheritdoc/>
    public override Task<RmpUpdateResponse> RmpUpdate(RmpUpdateRequest request, ServerCallContext context)
    {
        GuestVmm host = entry.Guest(context, request.Guest).Vmm;
        uint code = host.RmpUpdate(request.Address, RequestFields.EntrySize(request.Large), request.Assigned).OrThrow();
        return Task.FromResult(new RmpUpdateResponse { Code = code });
    }

    /// <inheritdoc/>
    public override Task<PsmashResponse> Psmash(PsmashRequest request, ServerCallContext context)
    {
        uint code = entry.Guest(context, request.Guest).Vmm.Psmash(request.Address).OrThrow();
        return Task.FromResult(new PsmashResponse { Code = code });
    }

    /// <inheritdoc/>
    public override Task<RemapPagesResponse> RemapPages(RemapPagesRequest request, ServerCallContext context)
    {
        entry.Guest(context, request.Guest).Vmm.Remap(request.Address, request.OtherAddress).ThrowIfFailed();
        return Task.FromResult(new RemapPagesResponse());
    }

    private static PageStateChange Write(MachineChange change) => new()
    {
        Before = PageStateWords.Write(new MachineRun(change.Range, change.Before)),
        After = PageStateWords.Write(new MachineRun(change.Range, change.After)),
        Cause = change.Cause switch
        {
            MachineCause.Request => PageStateCause.Request,
            MachineCause.Host => PageStateCause.Host,
            _ => PageStateCause.Kernel,
        },
    };

    // Numbers of conducts and directions are the same on both sides; the machine refuses those that it does not know.
    private static MachinePolicy PolicyOf(HypervisorPolicy wire) => new()
    {
        Conduct = (MachineConduct)wire.Conduct,
        Only = wire.HasOnly ? (MachineDirection)wire.Only : null,
        After = wire.After,
        Times = wire.HasTimes ? wire.Times : ulong.MaxValue,
        Pages = wire.Pages,
        NanosecondsPerExit = wire.NanosecondsPerExit,
        MapGpaRangeExits = !wire.HasMapGpaRangeExits || wire.MapGpaRangeExits,
        DiscardsOldBacking = !wire.HasDiscardsOldBacking || wire.DiscardsOldBacking,
        EventPending = wire.EventPending,
    };

    private static HypervisorPolicy Write(MachinePolicy policy)
    {
        var wire = new HypervisorPolicy
        {
            Conduct = (HypervisorConduct)policy.Conduct,
            After = policy.After,
            Times = policy.Times,
            Pages = policy.Pages,
            NanosecondsPerExit = policy.NanosecondsPerExit,
            MapGpaRangeExits = policy.MapGpaRangeExits,
            DiscardsOldBacking = policy.DiscardsOldBacking,
            EventPending = policy.EventPending,
        };
        if (policy.Only is { } only)
        {
            wire.Only = (ConversionDirection)only;
        }

        return wire;
    }
}
