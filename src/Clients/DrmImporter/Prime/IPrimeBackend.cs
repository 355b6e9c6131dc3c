namespace CocoGuest.DrmImporter.Prime;

/// <summary>What PRIME needs of the dma-buf core, for one device.</summary>
internal interface IPrimeBackend
{
    /// <summary>Identity of the dma-buf behind an fd: its inode number. EBADF when the fd is not open.</summary>
    ulong Identify(int fd);

    /// <summary>dma_buf_attach, static.</summary>
    Task<IPrimeAttachment> AttachAsync(int fd, CancellationToken cancel);

    /// <summary>get_dma_buf: one more reference on the file.</summary>
    Task<IPrimeReference> ReferenceAsync(int fd, CancellationToken cancel);
}
