namespace CocoGuest.Client;

/// <summary>How a guest process ended.</summary>
public enum ProcessEndKind
{
    /// <summary>It exited.</summary>
    Exited,

    /// <summary>Its guest ended; nothing of it is left.</summary>
    GuestEnded,

    /// <summary>The server is gone, or knows the process no more.</summary>
    ServerGone,
}
