using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Natives;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Machine;

/// <content>Memory for mappings of native processes.</content>
public sealed partial class GuestNatives
{
    /// <summary>
    /// A new open file of the host whose mappings show a dma-buf's bytes, with the dma-buf's access mode. It is for native processes of this guest
    /// alone. Offset 0 of it is the buffer's.
    /// </summary>
    /// <returns>EBADF for a closed file, ENODEV for a file without memory to be mapped; ENOMEM, EMFILE of the host.</returns>
    public Result<SafeFileHandle> OpenMemory(NativeFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        lock (_guest.Gate)
        {
            return file.Closed ? new Failure(Errno.EBADF, "open_memory", "check file", "The file is closed.", "file")
                : file.File is not DmaBuf { Mmap: not MmapStyle.None } buffer
                    ? new Failure(Errno.ENODEV, "open_memory", "check file", $"A {file.File.Kind} of this exporter has no memory to be mapped.", "file")
                : buffer.Backing is { } visible ? visible.OpenAnew(buffer.Access)
                : new Failure(Errno.EOPNOTSUPP, "open_memory", "check memory", "The memory is private.", "file");
        }
    }
}
