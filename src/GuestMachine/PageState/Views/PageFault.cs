using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.PageState.Views;

/// <summary>An access that faulted: what a log of the machine would show.</summary>
/// <param name="Fault">What happened.</param>
/// <param name="Accessor">Who reached for the page.</param>
/// <param name="Address">Guest-physical address, without C-bit or shared bit.</param>
/// <param name="Condition">Condition of the page.</param>
/// <param name="EndsGuest">The guest does not survive it.</param>
public readonly record struct PageFault(ViewFault Fault, ViewAccessor Accessor, ulong Address, PageCondition Condition, bool EndsGuest)
{
    /// <summary>Who gets the event.</summary>
    public FaultReceiver Receiver => ViewFaults.ReceiverOf(Fault);

    /// <summary>Error bits of the #NPF where there is one (S-SNP-29), else 0.</summary>
    public ulong ErrorCode => ViewFaults.NestedErrorCode(Fault);
}
