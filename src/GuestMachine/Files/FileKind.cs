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
}
