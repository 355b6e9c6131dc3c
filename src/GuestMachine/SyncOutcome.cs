namespace CocoGuest.Machine;

/// <summary>Bytes that a CPU-access sync moved (S-BUF-65).</summary>
/// <param name="BytesToBuffer">From bounce slots to the buffer.</param>
/// <param name="BytesToDevice">From the buffer to bounce slots.</param>
public readonly record struct SyncOutcome(ulong BytesToBuffer, ulong BytesToDevice);
