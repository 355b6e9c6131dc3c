using CocoGuest.Machine.PageState;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// What the conversions of a buffer's pages have cost. The numbers take more room than the rest of a buffer, and buffers of one size mostly
/// cost the same, so buffers share one object, which nobody changes.
/// </summary>
internal sealed class ConversionCost(ConversionCounters counters)
{
    /// <summary>Of a buffer without a conversion.</summary>
    public static readonly ConversionCost None = new(default);

    /// <summary>The numbers.</summary>
    public ConversionCounters Counters { get; } = counters;

    /// <summary>The object for these numbers: this one if it has them, else a new one.</summary>
    public ConversionCost For(ConversionCounters counters) => Counters == counters ? this : new ConversionCost(counters);

    /// <summary>After one more conversion.</summary>
    public ConversionCost Plus(ConversionCounters more) => new(Counters + more);
}
