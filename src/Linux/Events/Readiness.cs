namespace CocoGuest.Linux.Events;

/// <summary>
/// Bits of poll(2) of the host. Those that an emulated kernel answers with are the machine's <c>PollEvents</c>; the numbers are the same.
/// </summary>
[Flags]
public enum Readiness : short
{
    /// <summary>Nothing but what poll always tells: an error, or that the peer hung up.</summary>
    None = 0,

    /// <summary>POLLIN; on a pidfd: the process ended.</summary>
    Readable = 1,

    /// <summary>POLLOUT.</summary>
    Writable = 4,

    /// <summary>POLLHUP.</summary>
    HungUp = 0x10,
}
