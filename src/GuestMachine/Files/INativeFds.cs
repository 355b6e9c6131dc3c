namespace CocoGuest.Machine.Files;

/// <summary>
/// Fds of native processes that lead to files of the host, of which the machine has no table. Called under the guest's lock: it must not
/// call the machine.
/// </summary>
public interface INativeFds
{
    /// <summary>True if a number is open in the host's process, and not by path only (O_PATH): a driver that asks finds a file.</summary>
    bool IsOpen(GuestProcess process, int fd);
}
