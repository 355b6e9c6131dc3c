using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.PageState;

/// <summary>Which call of a guest's life this is, for ordering failures.</summary>
/// <param name="Direction">To shared or to private.</param>
/// <param name="Number">Number among the calls of this direction, from 1.</param>
/// <param name="Total">Number among all calls, from 1.</param>
internal readonly record struct ConversionCall(ConversionDirection Direction, ulong Number, ulong Total);
