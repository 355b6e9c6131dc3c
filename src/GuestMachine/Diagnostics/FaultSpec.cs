using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Diagnostics;

/// <summary>
/// A fault to arm, with the kernel's attributes and their meanings: a call of the point fails when every attribute lets it.
/// Attributes are asked in the kernel's order: task filter, times, min-order, space, interval, probability.
/// </summary>
/// <param name="Point">Where.</param>
public sealed record FaultSpec(FaultPoint Point)
{
    /// <summary>Most armed faults a guest holds at a time: ENOSPC beyond.</summary>
    public const int MostPerGuest = 64;

    /// <summary>Per cent of the calls that fail, 0 to 100; drawn from a generator seeded with <see cref="Seed"/>.</summary>
    public uint Probability { get; init; } = 100;

    /// <summary>Every n-th call is a candidate; 0 and 1: every call.</summary>
    public ulong Interval { get; init; } = 1;

    /// <summary>How often it fails at most; −1: no limit.</summary>
    public long Times { get; init; } = -1;

    /// <summary>Bytes that succeed first. A call whose size is below what is left takes its size off and succeeds.</summary>
    public ulong Space { get; init; }

    /// <summary>Smallest page order that fails (<c>fail_page_alloc</c> only).</summary>
    public uint MinOrder { get; init; }

    /// <summary>Only calls of this process (by pid); 0: of any.</summary>
    public uint TaskFilter { get; init; }

    /// <summary>The errno that the step reports; None: the point's own.</summary>
    public Errno Errno { get; init; } = Errno.None;

    /// <summary>Seed of the draws of <see cref="Probability"/>.</summary>
    public ulong Seed { get; init; }

    /// <summary>EINVAL naming the attribute at fault, or null.</summary>
    public Failure? Check() =>
        (uint)Point >= FaultPointInfo.All.Count ? Wrong("point", $"There is no fault point {(int)Point}.")
        : Probability > 100 ? Wrong("probability", $"probability {Probability} is above 100.")
        : Times < -1 ? Wrong("times", $"times {Times} is below -1.")
        : MinOrder > 10 ? Wrong("min_order", $"min_order {MinOrder} is above 10.")
        : CheckPoint(FaultPointInfo.Of(Point));

    private Failure? CheckPoint(FaultPointInfo info) =>
        MinOrder != 0 && !info.HasOrder ? Wrong("min_order", $"Fault point {info.Name} has no min_order.")
        : Space != 0 && !info.HasSize ? Wrong("space", $"Fault point {info.Name} has no sizes, hence no space.")
        : Errno != Errno.None && !info.TakesErrno ? Wrong("errno", $"Fault point {info.Name} reports one errno only.")
        : null;

    private static Failure Wrong(string field, string sentence) => new(Errno.EINVAL, "inject_fault", "check attributes", sentence, field);
}
