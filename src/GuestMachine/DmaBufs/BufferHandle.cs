namespace CocoGuest.Machine.DmaBufs;

/// <summary>What AllocateBuffer and ImportBuffer give.</summary>
/// <param name="Fd">The new fd of the process.</param>
/// <param name="Size">Page-rounded bytes (S-HEAP-28).</param>
/// <param name="Inode">Inode number of the dma-buf (S-BUF-02).</param>
/// <param name="HostVisible">True when the host reads the memory in plain.</param>
public readonly record struct BufferHandle(int Fd, ulong Size, ulong Inode, bool HostVisible);
