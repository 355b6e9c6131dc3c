using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.PageState;

/// <summary>
/// Failures to order at the three points of S-SETM-26, and results of PVALIDATE. Asked once per step that the call really reaches. An errno
/// from prepare or finish stands for the callback's own result, so nothing of that callback runs (S-SETM-11 follows).
/// </summary>
internal interface IConversionFaults
{
    /// <summary>Errno that the prepare callback returns, or None to let it run.</summary>
    Errno Prepare(in ConversionCall call);

    /// <summary>True when no page-table page can be had for this split (S-SETM-13).</summary>
    /// <param name="call">The call.</param>
    /// <param name="split">Number of the split inside the call, from 1.</param>
    bool SplitFails(in ConversionCall call, uint split);

    /// <summary>True while nothing is ordered: <see cref="Pvalidate"/> need not be asked page by page.</summary>
    bool Quiet { get; }

    /// <summary>What a PVALIDATE finds that would otherwise run (S-SNP-10); <see cref="PvalidateResult.Done"/> lets it.</summary>
    /// <param name="bytes">Size of the page that it is for.</param>
    PvalidateResult Pvalidate(ulong bytes);

    /// <summary>Errno that the finish callback returns, or None to let it run.</summary>
    Errno Finish(in ConversionCall call);
}
