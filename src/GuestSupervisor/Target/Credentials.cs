namespace CocoGuest.Supervisor.Target;

/// <summary>As whom a thread's file accesses are judged.</summary>
/// <param name="Uid">User for file accesses.</param>
/// <param name="Groups">All groups.</param>
/// <param name="PassesPermissions">It has a capability that opens every folder.</param>
internal sealed record Credentials(uint Uid, uint[] Groups, bool PassesPermissions);
