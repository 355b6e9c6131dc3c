using CocoGuest.Machine.Fences;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>Bytes that a CPU-access sync moved (S-BUF-65).</summary>
/// <param name="BytesToBuffer">From bounce slots to the buffer.</param>
/// <param name="BytesToDevice">From the buffer to bounce slots.</param>
/// <param name="Wait">
/// A START that has to wait for fences is over when this completes (S-BUF-63); the copies were made before (S-BUF-68).
/// </param>
public readonly record struct SyncOutcome(ulong BytesToBuffer, ulong BytesToDevice, FenceWait? Wait = null);
