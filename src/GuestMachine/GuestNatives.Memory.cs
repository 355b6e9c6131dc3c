using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Natives;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Machine;

/// <content>Memory for mappings of native processes.</content>
public sealed partial class GuestNatives
{
    private const string OpenOperation = "open_memory";

    /// <summary>
    /// A new open file of the host whose mappings show a dma-buf's bytes, with the dma-buf's access mode. It is for native processes of this guest
    /// alone: the bytes of private memory are plain in it. Offset 0 of it is the buffer's.
    /// </summary>
    /// <returns>
    /// EBADF for a closed file; ENODEV for a file without memory to be mapped; EOPNOTSUPP for a buffer with a page that another buffer shows, too
    /// (two udmabufs of one memfd); EAGAIN while a CPU access of another process copies; ENOMEM, EMFILE of the host.
    /// </returns>
    public Result<SafeFileHandle> OpenMemory(NativeFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        lock (_guest.Gate)
        {
            if (file.Closed)
            {
                return new Failure(Errno.EBADF, OpenOperation, "check file", "The file is closed.", "file");
            }

            if (file.File is not DmaBuf { Mmap: not MmapStyle.None } buffer)
            {
                return new Failure(Errno.ENODEV, OpenOperation, "check file", $"This {file.File.Kind} has no memory to be mapped.", "file");
            }

            if (buffer.Backing is { } visible)
            {
                return visible.OpenAnew(buffer.Access);
            }

            Result<PrivateBacking> own = PrivateBackingOf(buffer);
            return own.Ok ? own.Value.OpenAnew(buffer.Access) : own.Failure;
        }
    }

    /// <summary>A buffer is about to give its frames back: what native processes still have mapped of it reads zeros.</summary>
    internal void TakeBack(MemoryFile memory)
    {
        if (memory.PrivateBacking is { } backing)
        {
            memory.PrivateBacking = null;
            _guest.Memory.RemovePrivateBacking(backing);
        }
    }

    // A GEM object's dma-bufs come and go, and all show the same pages.
    private Result<PrivateBacking> PrivateBackingOf(DmaBuf buffer)
    {
        MemoryFile owner = buffer.Exporter is GemExporter exporter && exporter.Find(buffer) is { } gem ? gem : buffer;
        if (owner.PrivateBacking is { } present)
        {
            return present;
        }

        if (buffer.Accesses != 0)
        {
            return new Failure(Errno.EAGAIN, OpenOperation, "check accesses", $"{buffer.Accesses} accesses to the buffer are under way.", "file");
        }

        bool readOnly = ReferenceEquals(owner, buffer) && buffer.Access == AccessMode.ReadOnly;
        Result<PrivateBacking> made = _guest.Memory.AddPrivateBacking(owner.Chunks, owner.Size, readOnly, _guest.Pages.IsShared);
        owner.PrivateBacking = made.Ok ? made.Value : null;
        return made;
    }
}
