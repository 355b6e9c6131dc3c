namespace CocoGuest.Machine.Memory;

/// <summary>Adds up <see cref="CopyCounters"/>; safe from any thread, since copies run outside the guest's lock.</summary>
internal sealed class CopyCounter
{
    private long _load;
    private long _store;
    private long _dmaRead;
    private long _dmaWrite;
    private long _hostRead;
    private long _sharedBuffer;

    public void AddLoad(int bytes) => Interlocked.Add(ref _load, bytes);

    public void AddStore(int bytes) => Interlocked.Add(ref _store, bytes);

    public void AddDmaRead(int bytes) => Interlocked.Add(ref _dmaRead, bytes);

    public void AddDmaWrite(int bytes) => Interlocked.Add(ref _dmaWrite, bytes);

    public void AddHostRead(int bytes) => Interlocked.Add(ref _hostRead, bytes);

    public void AddSharedBuffer(ulong bytes) => Interlocked.Add(ref _sharedBuffer, (long)bytes);

    public CopyCounters Snapshot(ulong bounced) => new(
        (ulong)Interlocked.Read(ref _load), (ulong)Interlocked.Read(ref _store), (ulong)Interlocked.Read(ref _dmaRead),
        (ulong)Interlocked.Read(ref _dmaWrite), bounced, (ulong)Interlocked.Read(ref _hostRead),
        (ulong)Interlocked.Read(ref _sharedBuffer));
}
