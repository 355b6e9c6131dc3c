using CocoGuest.Machine.Abi;
using CocoGuest.Machine.PageState;

namespace CocoGuest.Tests.Machine.PageState;

/// <summary>Orders one failure, at a step of a call of one direction.</summary>
internal sealed class TestFaults : IConversionFaults
{
    public Func<ConversionCall, Errno> OnPrepare { get; init; } = _ => Errno.None;

    public Func<ConversionCall, uint, bool> OnSplit { get; init; } = (_, _) => false;

    public Func<ConversionCall, Errno> OnFinish { get; init; } = _ => Errno.None;

    public Func<ulong, PvalidateResult>? OnPvalidate { get; init; }

    public bool Quiet => OnPvalidate is null;

    public PvalidateResult Pvalidate(ulong bytes) => OnPvalidate?.Invoke(bytes) ?? PvalidateResult.Done;

    public Errno Prepare(in ConversionCall call) => OnPrepare(call);

    public bool SplitFails(in ConversionCall call, uint split) => OnSplit(call, split);

    public Errno Finish(in ConversionCall call) => OnFinish(call);
}
