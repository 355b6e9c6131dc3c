namespace CocoGuest.Tests.Service.Probing;

/// <summary>The two ways to a server.</summary>
public enum Transport
{
    Tcp,
    UnixSocket,
}
