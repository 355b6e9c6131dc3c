namespace CocoGuest.Machine.Files;

/// <summary>Which column of the call tables answers for an open file.</summary>
public enum FileKind
{
    /// <summary>Another pseudo file without file operations of its own here: answers as a dma-buf does where no row says otherwise.</summary>
    Other = 0,

    /// <summary>A dma-buf.</summary>
    DmaBuf = 1,

    /// <summary>A node of <c>/dev/dma_heap</c>.</summary>
    HeapDevice = 2,

    /// <summary>An O_PATH fd: a place in the tree, not an open file.</summary>
    PathOnly = 3,

    /// <summary><c>/dev/udmabuf</c>.</summary>
    UdmabufDevice = 4,

    /// <summary>A node of <c>/dev/dri</c>.</summary>
    DrmNode = 5,

    /// <summary>A sync file.</summary>
    SyncFile = 6,

    /// <summary>A software timeline: <c>/sys/kernel/debug/sync/sw_sync</c>.</summary>
    Timeline = 7,
}
