using CocoGuest.Machine;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// mmap of an emulated file: the machine checks, the host's kernel maps. What is mapped is the buffer's own memory, so that a load or a store
/// costs what it costs natively.
/// </summary>
internal sealed class MapCalls(GuestCalls calls, Action<string> say)
{
    /// <summary>Handles mmap of a file.</summary>
    public void Map(StoppedCall call)
    {
        int fd = call.Int(4);
        if (calls.Ours(call, fd) is not { } ours)
        {
            return;
        }

        if (ours.File.Machine is null)
        {
            call.Fail(Errno.ENODEV);
            return;
        }

        Failure? refused = calls.Guest.Natives.CheckMmap(
            ours.Process.Machine, fd, call[5], call[1], (MapProtection)call.Int(2), (MapFlags)call.Int(3));
        if (refused is not null)
        {
            call.Fail(refused.Errno);
        }
        else if (!ours.File.CanBeMapped)
        {
            // A difference from the kernel, so nobody should have to guess.
            say($"mmap of fd {fd} is refused with EOPNOTSUPP: the host has no one file that shows this memory (a DRM node's objects, a udmabuf of "
                + "several ranges). The dma-buf of a DRM object can be mapped (docs/run.md).");
            call.Fail(Errno.EOPNOTSUPP);
        }
        else
        {
            call.Continue();
        }
    }
}
