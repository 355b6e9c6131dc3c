using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.PageState;

/// <summary>No failure to order.</summary>
internal sealed class NoConversionFaults : IConversionFaults
{
    public static readonly NoConversionFaults Instance = new();

    public Errno Prepare(in ConversionCall call) => Errno.None;

    public bool SplitFails(in ConversionCall call, uint split) => false;

    public bool Quiet => true;

    public PvalidateResult Pvalidate(ulong bytes) => PvalidateResult.Done;

    public Errno Finish(in ConversionCall call) => Errno.None;
}
