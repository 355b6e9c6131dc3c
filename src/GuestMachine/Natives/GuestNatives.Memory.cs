using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Store;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Machine.Natives;

/// <content>Memory for mappings of native processes.</content>
public sealed partial class GuestNatives
{
    private const string OpenOperation = "open_memory";

    /// <summary>
    /// A new open file of the host whose mappings show a dma-buf's bytes, with the dma-buf's access mode. It is for native processes of
    /// this guest alone: the bytes of private memory are plain in it. Offset 0 of it is the buffer's.
    /// </summary>
    /// <returns>
    /// EBADF for a closed file; ENODEV for a file without memory to be mapped; EOPNOTSUPP for a buffer with a page that another buffer
    /// shows, too (two udmabufs of one memfd); EAGAIN while a CPU access of another process copies; ENOMEM, EMFILE of the host.
    /// </returns>
    public Result<SafeFileHandle> OpenMemory(NativeFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        using Lock.Scope held = _gate.Hold();
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

        // A udmabuf of memfds of the host has its bytes there already (S-BUF-115).
        if (buffer.Exporter is Udmabuf maker && maker.OpenMemory() is { } native)
        {
            return native;
        }

        // A GEM object's dma-bufs come and go, and all show the same pages.
        Result<PrivateBacking> own = buffer.Exporter is GemExporter exporter && exporter.Find(buffer) is { } gem
            ? PrivateBackingOf(gem, buffer.Accesses, readOnly: false)
            : PrivateBackingOf(buffer, buffer.Accesses, buffer.Access == AccessMode.ReadOnly);
        return own.Ok ? own.Value.OpenAnew(buffer.Access) : own.Failure;
    }

    /// <summary>
    /// As <see cref="OpenMemory(NativeFile)"/> for a mapping of a DRM node: a file whose offset 0 is what the node shows at an offset that
    /// <see cref="GuestDrm.MapDumb"/> gave. It is the memory that the object's dma-buf shows, too.
    /// </summary>
    /// <param name="node">A DRM node.</param>
    /// <param name="offset">The fake offset.</param>
    /// <param name="length">Bytes of the mapping, whole pages.</param>
    /// <returns>EINVAL, EACCES, ENOMEM as mmap of the node; else as <see cref="OpenMemory(NativeFile)"/>.</returns>
    public Result<SafeFileHandle> OpenMemory(NativeFile node, ulong offset, ulong length)
    {
        ArgumentNullException.ThrowIfNull(node);
        using Lock.Scope held = _gate.Hold();
        if (node.Closed || node.File is not DrmFile client)
        {
            return new Failure(node.Closed ? Errno.EBADF : Errno.ENODEV, OpenOperation, "check file",
                $"This {node.File.Kind} is no open DRM node.", "node");
        }

        Result<MapTarget> target = client.FindMapTarget(offset, length);
        if (!target.Ok)
        {
            return target.Failure;
        }

        Result<PrivateBacking> own = PrivateBackingOf(target.Value.Memory, 0, readOnly: false);
        return own.Ok ? own.Value.OpenAnew(AccessMode.ReadWrite) : own.Failure;
    }

    private Result<PrivateBacking> PrivateBackingOf(MemoryFile owner, uint accesses, bool readOnly)
    {
        if (owner.PrivateBacking is { } present)
        {
            return present;
        }

        if (accesses != 0)
        {
            return new Failure(Errno.EAGAIN, OpenOperation, "check accesses", $"{accesses} accesses to the buffer are under way.", "file");
        }

        Result<PrivateBacking> made = _core.Memory.AddPrivateBacking(owner.Chunks, owner.Size, readOnly, _core.Pages.IsShared);
        owner.PrivateBacking = made.Ok ? made.Value : null;
        return made;
    }
}
