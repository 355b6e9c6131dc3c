using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Fences;

/// <summary>A file whose readiness depends on fences.</summary>
internal interface IPollsFences
{
    /// <summary>The fences whose signal may change what poll answers.</summary>
    IEnumerable<Fence> FencesToPoll(PollEvents wanted);
}
