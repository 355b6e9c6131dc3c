namespace CocoGuest.Service.Interop;

/// <summary>Event bits of poll(2).</summary>
[Flags]
internal enum PollEvents : short
{
    /// <summary>Nothing but what poll always tells: an error, or that the peer hung up.</summary>
    None = 0,
    /// <summary>POLLIN; on a pidfd: the process ended.</summary>
    Readable = 1,
    /// <summary>POLLOUT.</summary>
    Writable = 4,
}
