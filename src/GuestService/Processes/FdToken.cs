using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Service.Processes;

/// <summary>A claim to one fd: single use, bounded in time, bound to the user of the process that got it.</summary>
/// <param name="Value">128 random bits.</param>
/// <param name="Backing">The memory.</param>
/// <param name="Holder">The process that got it.</param>
/// <param name="Expires">When it ends, on the clock's timestamp.</param>
internal sealed record FdToken(Handle128 Value, VisibleBacking Backing, ProcessSession Holder, long Expires);
