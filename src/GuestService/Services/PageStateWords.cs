using CocoGuest.Machine.PageState;
using WireRun = CocoGuest.V1.PageStateRun;

namespace CocoGuest.Service.Services;

/// <summary>Page states in the words of the API, which are those of the platform's documents.</summary>
internal static class PageStateWords
{
    private static readonly string[] RmpWords = ["HYPERVISOR", "GUEST_INVALID", "GUEST_VALID", "IMMUTABLE"];
    private static readonly string[] SeptWords = ["FREE", "PENDING", "MAPPED", "BLOCKED"];
    private static readonly string[] SevWords = ["UNKNOWN", "TOLD_PRIVATE", "TOLD_SHARED"];
    private static readonly string[] RipasWords = ["EMPTY", "RAM", "DESTROYED", "DEV"];
    private static readonly ulong[] SizeBytes = [4096, 1UL << 21, 1UL << 30];

    /// <summary>One run on the wire.</summary>
    public static WireRun Write(PageStateRun run)
    {
        PageStateInfo state = run.State;
        (string hostState, MappingSize size) = state switch
        {
            { Rmp: { } entry } => (RmpWords[(int)entry.State], entry.Size),
            { Sept: { } entry } => (SeptWords[(int)entry.State], entry.Size),
            { Ripas: { } ripas } => (RipasWords[(int)ripas], MappingSize.Size4K),
            { Sev: { } told } => (SevWords[(int)told], MappingSize.Size4K),
            { Condition: PageCondition.Shared } => ("SHARED", MappingSize.Size4K),
            _ => ("PLAIN", MappingSize.Size4K),
        };
        return new WireRun
        {
            Address = run.Range.Address,
            Length = run.Range.Bytes,
            GuestState = state.GuestShared ? "shared" : "private",
            HostState = hostState,
            EntrySize = SizeBytes[(int)size],
        };
    }
}
