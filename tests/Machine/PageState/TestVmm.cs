using CocoGuest.Machine.PageState;

namespace CocoGuest.Tests.Machine.PageState;

/// <summary>A VMM whose answers a test scripts by exit number (from 0), and that lets the test look at the guest during the exit.</summary>
internal sealed class TestVmm : IHypervisor
{
    public List<VmmExit> Exits { get; } = [];

    public Func<int, VmmAnswer> Answer { get; init; } = _ => VmmAnswer.Ok;

    public Func<int, bool> Pending { get; init; } = _ => false;

    public Action<VmmExit> OnExit { get; set; } = _ => { };

    public bool MapGpaRangeExits { get; init; } = true;

    public bool DiscardsOldBacking { get; init; } = true;

    public bool EventPending => Pending(Exits.Count);

    public VmmReply Convert(in VmmExit exit)
    {
        OnExit(exit);
        Exits.Add(exit);
        return Answer(Exits.Count - 1);
    }
}
