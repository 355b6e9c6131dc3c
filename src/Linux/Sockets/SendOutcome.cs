namespace CocoGuest.Linux.Sockets;

/// <summary>What became of a frame that was sent without waiting.</summary>
public enum SendOutcome
{
    /// <summary>It, or a part of it, is in the socket's buffer.</summary>
    Sent = 0,
    /// <summary>The buffer is full; try again when the socket is writable.</summary>
    Full = 1,
    /// <summary>Nobody will read it.</summary>
    Gone = 2,
}
