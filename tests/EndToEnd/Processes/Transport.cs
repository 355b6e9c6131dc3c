namespace CocoGuest.Tests.EndToEnd.Processes;

/// <summary>How a client reaches the server.</summary>
public enum Transport
{
    /// <summary>The Unix socket.</summary>
    Unix,

    /// <summary>TCP.</summary>
    Tcp,
}
