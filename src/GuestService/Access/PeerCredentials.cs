namespace CocoGuest.Service.Access;

/// <summary>SO_PEERCRED: who connected a Unix socket, as the kernel noted it at connect time.</summary>
/// <param name="Pid">The process; 0 when it is in a pid namespace that the server does not see.</param>
/// <param name="UserId">Its effective uid.</param>
internal readonly record struct PeerCredentials(int Pid, uint UserId);
