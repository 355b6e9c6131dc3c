using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Files;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Processes;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Service.Services;

/// <summary>FaultService: fault injection.</summary>
internal sealed class FaultCalls(CallEntry entry) : FaultService.FaultServiceBase
{
    /// <inheritdoc/>
    public override Task<InjectFaultResponse> InjectFault(InjectFaultRequest request, ServerCallContext context)
    {
        Guest guest = entry.Guest(context, request.Guest);
        FaultSpec spec = SpecOf(request.Attributes ?? new FaultAttributes());
        return Task.FromResult(new InjectFaultResponse { FaultId = guest.Faults.Inject(spec).OrThrow() });
    }

    /// <inheritdoc/>
    public override Task<ListFaultsResponse> ListFaults(ListFaultsRequest request, ServerCallContext context)
    {
        GuestFaults faults = entry.Guest(context, request.Guest).Faults;
        var response = new ListFaultsResponse();
        response.Faults.AddRange((request.NeverFired ? faults.NeverFired() : faults.List()).Select(Write));
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<ClearFaultsResponse> ClearFaults(ClearFaultsRequest request, ServerCallContext context)
    {
        GuestFaults faults = entry.Guest(context, request.Guest).Faults;
        if (request.HasFaultId)
        {
            faults.Clear(request.FaultId).ThrowIfFailed();
        }
        else
        {
            faults.ClearAll();
        }

        return Task.FromResult(new ClearFaultsResponse());
    }

    /// <inheritdoc/>
    public override Task<SetFailNthResponse> SetFailNth(SetFailNthRequest request, ServerCallContext context)
    {
        ProcessSession session = entry.Process(context, request.Guest, request.Process);
        entry.CheckMayLeave(context, session, "set_fail_nth");
        GuestProcess process = session.Process;
        process.Guest.Faults.SetFailNth(process, request.N).ThrowIfFailed();
        return Task.FromResult(new SetFailNthResponse());
    }

    /// <inheritdoc/>
    public override Task<GetFailNthResponse> GetFailNth(GetFailNthRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        (uint left, ulong hits) = process.Guest.Faults.FailNthOf(process);
        return Task.FromResult(new GetFailNthResponse { Left = left, Hits = hits });
    }

    private static FaultSpec SpecOf(FaultAttributes wire)
    {
        if (FaultPointInfo.Find(wire.Point) is not { } point)
        {
            string known = string.Join(", ", FaultPointInfo.All.Select(p => p.Name));
            GrpcErrors.Throw(new Failure(Errno.EINVAL, "inject_fault", "check point",
                $"point '{(wire.Point.Length <= 64 ? wire.Point : wire.Point[..64] + "…")}' is not one of {known}.", "point"));
            return null!;
        }

        if (!Enum.IsDefined((Errno)wire.Errno))
        {
            GrpcErrors.Throw(new Failure(Errno.EINVAL, "inject_fault", "check errno",
                $"errno {wire.Errno} is none that this machine reports.", "errno"));
        }

        return new FaultSpec(point.Point)
        {
            Probability = wire.HasProbability ? wire.Probability : 100,
            Interval = wire.Interval,
            Times = wire.HasTimes ? wire.Times : -1,
            Space = wire.Space,
            MinOrder = wire.MinOrder,
            TaskFilter = wire.TaskFilter,
            Errno = (Errno)wire.Errno,
            Seed = wire.Seed,
        };
    }

    private static InjectedFault Write(FaultStatus fault) => new()
    {
        FaultId = fault.Id,
        Calls = fault.Calls,
        Fired = fault.Fired,
        Attributes = new FaultAttributes
        {
            Point = FaultPointInfo.Of(fault.Spec.Point).Name,
            Probability = fault.Spec.Probability,
            Interval = fault.Spec.Interval,
            Times = fault.Spec.Times,
            Space = fault.Spec.Space,
            MinOrder = fault.Spec.MinOrder,
            TaskFilter = fault.Spec.TaskFilter,
            Errno = (uint)fault.Spec.Errno,
            Seed = fault.Spec.Seed,
        },
    };
}
