using CocoGuest.Machine.Abi;

namespace CocoGuest.Supervisor.Calls;

/// <summary>Failures that the supervisor finds itself, before the machine is asked.</summary>
internal static class ErrnoExtensions
{
    /// <summary>A failure of a call's own arguments.</summary>
    public static Failure AsFailure(this Errno errno, string operation, string field) =>
        new(errno, operation, "check arguments", $"{operation}: {field} is not usable ({errno}).", field);
}
