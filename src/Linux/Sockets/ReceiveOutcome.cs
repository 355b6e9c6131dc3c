namespace CocoGuest.Linux.Sockets;

/// <summary>What came of a receive that does not wait.</summary>
public enum ReceiveOutcome
{
    /// <summary>Bytes came.</summary>
    Received,

    /// <summary>None are there yet.</summary>
    Empty,

    /// <summary>The peer is gone.</summary>
    Gone,
}
