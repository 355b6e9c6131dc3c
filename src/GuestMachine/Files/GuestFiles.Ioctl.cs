using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Files;

/// <summary>
/// Raw ioctls of every kind of file: first those that the VFS serves, then the file's own (S-HEAP-20, S-BUF-60, 70, 72, 76, S-GPU-20).
/// </summary>
public sealed partial class GuestFiles
{
    /// <summary>ioctl with a raw command and the address of its argument.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">The fd.</param>
    /// <param name="command">The command.</param>
    /// <param name="argument">Its argument: an address, mostly.</param>
    /// <param name="memory">Where addresses lead.</param>
    /// <returns>0, perhaps with a wait; EBADF, EFAULT, ENOTTY, EINVAL and what the operation returns.</returns>
    public Result<IoctlOutcome> Ioctl(GuestProcess process, int fd, uint command, ulong argument, IUserMemory memory) =>
        Ioctl(new IoctlCall(process, fd, command, argument, memory));

    /// <summary>The same; the call tells afterwards which fds it made, also when it failed.</summary>
    public Result<IoctlOutcome> Ioctl(IoctlCall call)
    {
        ArgumentNullException.ThrowIfNull(call);
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> found = FindOpen(call.Process, call.Fd, "ioctl");
        return !found.Ok ? found.Failure : VfsIoctl.Run(call, found.Value) ?? found.Value.Ioctl(call);
    }
}
