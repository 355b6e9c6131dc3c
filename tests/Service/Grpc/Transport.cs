namespace CocoGuest.Tests.Service.Grpc;

/// <summary>The two ways to a server.</summary>
public enum Transport
{
    Tcp,
    UnixSocket,
}
