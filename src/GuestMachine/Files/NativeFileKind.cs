namespace CocoGuest.Machine.Files;

/// <summary>What kind of open file stands behind a file of the host.</summary>
public enum NativeFileKind
{
    /// <summary>A kind that needs nothing special: it has calls, and no memory.</summary>
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

    /// <summary>A software timeline.</summary>
    Timeline,

    /// <summary>A memfd.</summary>
    Memfd,

    /// <summary>An O_PATH fd.</summary>
    PathOnly,
}
