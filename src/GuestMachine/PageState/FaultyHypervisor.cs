using CocoGuest.Machine.Diagnostics;

namespace CocoGuest.Machine.PageState;

/// <summary>A VMM that answers by the armed faults first, and by its own policy else (S-SNP-38, S-TDX-15).</summary>
internal sealed class FaultyHypervisor(IHypervisor inner, FaultBoard faults) : IHypervisor
{
    public bool MapGpaRangeExits => inner.MapGpaRangeExits;

    public bool DiscardsOldBacking => inner.DiscardsOldBacking;

    public bool EventPending => inner.EventPending;

    public VmmReply Convert(in VmmExit exit) =>
        faults.Fails(FaultPoint.FailMapGpa) ? VmmAnswer.Invalid
        : faults.Fails(FaultPoint.RetryMapGpa) ? VmmAnswer.Again
        : inner.Convert(exit);
}
