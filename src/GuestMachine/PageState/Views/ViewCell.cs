using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.PageState.Views;

/// <summary>A cell of a view matrix.</summary>
/// <param name="Outcome">What is seen.</param>
/// <param name="Fault">Which fault, for <see cref="ViewOutcome.Fault"/>.</param>
/// <param name="TerminatesGuest">The access ends the guest.</param>
/// <param name="Believed">The reference marks the cell [B]: not read in source.</param>
public readonly record struct ViewCell(ViewOutcome Outcome, ViewFault Fault, bool TerminatesGuest, bool Believed)
{
    /// <summary>Words for the fault, or for the outcome where there is none.</summary>
    public string Description => Outcome switch
    {
        ViewOutcome.Plain => "plain text",
        ViewOutcome.Ciphertext => "raw ciphertext",
        ViewOutcome.Garbled => "garbled (decrypts plain text)",
        ViewOutcome.Zeros => "zeros",
        ViewOutcome.AllOnes => "all 0xff",
        _ => ViewFaults.Describe(Fault),
    };
}
