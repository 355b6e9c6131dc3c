using CocoGuest.Machine.Abi;

namespace CocoGuest.Supervisor.Calls;

/// <summary>Errnos that the machine never gives, but the host's file calls do.</summary>
internal static class HostErrno
{
    /// <summary>ENOEXEC.</summary>
    public const Errno ENOEXEC = (Errno)8;
}
