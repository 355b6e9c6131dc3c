using CocoGuest.Machine.Abi;
using CocoGuest.Machine.PageState;

namespace CocoGuest.Machine.Host;

/// <summary>How a conversion ended and what it cost, also when it failed half-way: nothing is rolled back (S-SETM-11).</summary>
/// <param name="Failure">What the failing <c>set_memory_*</c> call returned, or null.</param>
/// <param name="Calls">Calls made, the failing one included.</param>
/// <param name="SharedPages">Pages of the range that are shared now.</param>
/// <param name="StaleDeviceMappings">
/// Live DMA mappings over the buffer whose addresses still say what the pages were made for (S-SETM-32).
/// </param>
/// <param name="Cost">What the calls cost.</param>
public sealed record ConversionOutcome(Failure? Failure, int Calls, ulong SharedPages, int StaleDeviceMappings, ConversionCounters Cost);
