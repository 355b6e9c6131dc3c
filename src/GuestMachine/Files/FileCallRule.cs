namespace CocoGuest.Machine.Files;

/// <summary>One row of <see cref="FileCallTable"/>: a cell for each kind of file.</summary>
/// <param name="Call">The call.</param>
/// <param name="DmaBuf">A dma-buf: recorded (family fileops).</param>
/// <param name="Heap">A heap's node: recorded (family dev) where the family has the call, else as other nodes.</param>
/// <param name="Udmabuf">/dev/udmabuf.</param>
/// <param name="Drm">A node of /dev/dri.</param>
/// <param name="SyncFile">A sync file.</param>
/// <param name="Timeline">A software timeline, a regular file of debugfs.</param>
internal sealed record FileCallRule(
    FileCall Call, FileCallCell DmaBuf, FileCallCell Heap, FileCallCell Udmabuf, FileCallCell Drm, FileCallCell SyncFile, FileCallCell Timeline)
{
    /// <summary>The cell of a kind.</summary>
    public FileCallCell this[FileKind kind] => kind switch
    {
        FileKind.HeapDevice => Heap,
        FileKind.UdmabufDevice => Udmabuf,
        FileKind.DrmNode => Drm,
        FileKind.SyncFile => SyncFile,
        FileKind.Timeline => Timeline,
        _ => DmaBuf,
    };
}
