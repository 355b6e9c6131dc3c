using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>Finds the memfds of native processes. Called under the guest's lock: it must not call the machine.</summary>
public interface INativeMemfds
{
    /// <summary>The memfd behind an fd of the host's process; null for an fd that is not open or is no memfd (EBADFD).</summary>
    INativeMemfd? Find(GuestProcess process, int fd);
}
