using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.PageState;

/// <summary>The armed faults of a guest, as a conversion asks for them.</summary>
/// <param name="board">The armed faults.</param>
internal sealed class ArmedConversionFaults(FaultBoard board) : IConversionFaults
{
    /// <inheritdoc/>
    public bool Quiet => board.Quiet;

    /// <inheritdoc/>
    public Errno Prepare(in ConversionCall call) =>
        board.ErrnoOf(call.Direction == ConversionDirection.ToShared ? FaultPoint.FailDecrypt : FaultPoint.FailEncrypt);

    /// <inheritdoc/>
    public bool SplitFails(in ConversionCall call, uint split) => board.Fails(FaultPoint.FailSplit);

    /// <inheritdoc/>
    public PvalidateResult Pvalidate(ulong bytes) =>
        board.Fails(FaultPoint.PvalidateSizeMismatch, bytes) ? PvalidateResult.SizeMismatch
        : board.Fails(FaultPoint.PvalidateNoChange, bytes) ? PvalidateResult.NoChange
        : PvalidateResult.Done;

    /// <inheritdoc/>
    public Errno Finish(in ConversionCall call) => Errno.None;
}
