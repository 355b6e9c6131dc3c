namespace CocoGuest.Machine.Memory;

/// <summary>
/// The CPU copies of bouncing (S-SWI-36). The pool knows guest-physical addresses only; the memory core reads the private side through its
/// private mapping and the pool through the shared one.
/// </summary>
public interface IBounceMemory
{
    /// <summary>
    /// Copies as memmove does. Both ranges are guest-physical; original and bounce memory never overlap.
    /// </summary>
    /// <param name="sourcePhys">First byte to read: original memory for <see cref="BounceWay.ToBounce"/>, else a bounce slot.</param>
    /// <param name="targetPhys">First byte to write.</param>
    /// <param name="length">Bytes, 1 to 262144.</param>
    /// <param name="way">Which of the two sides is the pool.</param>
    void Copy(ulong sourcePhys, ulong targetPhys, ulong length, BounceWay way);
}
