namespace CocoGuest.Machine.Files;

/// <summary>What an ioctl that succeeded gives.</summary>
/// <param name="Value">Its return value.</param>
/// <param name="Wait">
/// The call is over only when this completes, with its result: a SYNC START that waits for fences (S-BUF-63). Null: it is over.
/// </param>
public readonly record struct IoctlOutcome(long Value, CallWait? Wait = null);
