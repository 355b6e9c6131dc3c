namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>An SME host: the C-bit of its own page tables, the flushes of AMD, and nobody to tell (S-SETM-20).</summary>
internal sealed class SmeTracker(PageStateOptions options) : SevTracker(options, migrationControl: false)
{
    protected override PageStateInfo Describe(ulong frame, byte word, PageStateInfo common) => common;
}
