namespace CocoGuest.DrmImporter.Prime;

/// <summary>A reference on a dma-buf's file. Disposing it drops the reference.</summary>
internal interface IPrimeReference : IAsyncDisposable
{
    /// <summary>A new fd on the same dma-buf, as HANDLE_TO_FD gives it.</summary>
    Task<int> DuplicateAsync(CancellationToken cancel);
}
