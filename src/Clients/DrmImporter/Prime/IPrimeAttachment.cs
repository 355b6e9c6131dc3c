namespace CocoGuest.DrmImporter.Prime;

/// <summary>An attachment of the device. Disposing it detaches.</summary>
internal interface IPrimeAttachment : IAsyncDisposable
{
    /// <summary>dma_buf_map_attachment, BIDIRECTIONAL.</summary>
    Task<IPrimeMapping> MapAsync(CancellationToken cancel);
}
