namespace CocoGuest.Machine.Files;

/// <summary>Kinds of open files, for code that names them to people or treats some of them in its own way.</summary>
public enum FileKind
{
    /// <summary>A kind that needs nothing special.</summary>
    Other,

    /// <summary>A dma-buf.</summary>
    DmaBuf,

    /// <summary>A node of <c>/dev/dma_heap</c>.</summary>
    HeapNode,

    /// <summary><c>/dev/udmabuf</c>.</summary>
    UdmabufNode,

    /// <summary>A DRM node.</summary>
    DrmNode,

    /// <summary>A sync file.</summary>
    SyncFile,

    /// <summary>A software timeline: <c>/sys/kernel/debug/sync/sw_sync</c>.</summary>
    Timeline,

    /// <summary>A memfd.</summary>
    Memfd,

    /// <summary>An O_PATH fd: a place in the tree, not an open file.</summary>
    PathOnly,
}
