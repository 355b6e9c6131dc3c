using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor;

/// <summary>Takes the listener of a seccomp filter out of another process, which says where it is: a server's way to supervise.</summary>
public static class ListenerTheft
{
    private const string Operation = "supervise";
    private const string ListenerLink = "anon_inode:seccomp notify";

    /// <summary>Takes it.</summary>
    /// <param name="pid">The process; 0: it is in another pid namespace.</param>
    /// <param name="fd">Number of the listener in it.</param>
    /// <returns>EINVAL for an fd that is no listener, EPERM where this process may not take it, ENOENT for a process that cannot be
    /// seen.</returns>
    public static Result<SafeFileHandle> Take(int pid, int fd)
    {
        using SafeFileHandle? process = pid <= 0 ? null : HostFile.OpenProcess(pid);
        if (process is null)
        {
            return new Failure(Errno.ENOENT, Operation, "find caller", "The caller's process cannot be seen from here: "
                + "run coco in the server's pid namespace, or with --platform instead of --guest.");
        }

        string entry = string.Create(CultureInfo.InvariantCulture, $"fd/{fd}");
        if (ProcFolder.LinkOf(pid, entry) is { } link && link != ListenerLink)
        {
            string wrong = $"fd {fd} of the caller is no listener of a seccomp filter.";
            return new Failure(Errno.EINVAL, Operation, "check listener", wrong, "listener_fd");
        }

        return HostFile.TakeFd(process, fd) is { } listener
            ? listener
            : new Failure(Errno.EPERM, Operation, "take listener",
                $"fd {fd} of the caller cannot be taken: it is not open, or the server may not trace the caller (same user, or root).",
                "listener_fd");
    }
}
