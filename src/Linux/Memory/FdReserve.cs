using System.Runtime.InteropServices;
using CocoGuest.Linux.Processes;

namespace CocoGuest.Linux.Memory;

/// <summary>
/// The fds that are left to the runtime: it aborts the process when it gets none for itself. The kernel gives the lowest free number, so a
/// number near the limit says that nearly all below are taken; whoever was given one for somebody else's sake gives it back.
/// </summary>
public static class FdReserve
{
    /// <summary>Numbers that only the runtime may have: files that it opens for a moment, assemblies that it loads late.</summary>
    public const ulong Runtime = 24;

    /// <summary>The fewest fds that a server starts with: of more than these, memory leaves one in eight to connections.</summary>
    private const ulong Fewest = 256;

    private const ulong Part = 8;

    /// <summary>Whether the number of a new fd for a connection, or a process that is watched, is one of the runtime's.</summary>
    public static bool IsRuntimes(SafeHandle fd) => (ulong)fd.DangerousGetHandle() + Runtime >= FileLimit.Current;

    /// <summary>Whether the number of a new fd for memory is one that is left to connections or the runtime.</summary>
    public static bool IsNotForMemory(SafeHandle fd)
    {
        ulong allowed = FileLimit.Current;
        ulong connections = (Math.Max(allowed, Fewest) - Fewest) / Part;
        return (ulong)fd.DangerousGetHandle() + Runtime + connections >= allowed;
    }
}
