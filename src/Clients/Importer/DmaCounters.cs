namespace CocoGuest.Importer;

/// <summary>Bytes that a device moved, by path, over all of its mappings. Safe for use by several threads.</summary>
public sealed class DmaCounters
{
    private ulong _direct;
    private ulong _server;

    /// <summary>Bytes that moved by shared memory.</summary>
    public ulong DirectBytes => Volatile.Read(ref _direct);

    /// <summary>Bytes that moved by DmaRead and DmaWrite.</summary>
    public ulong ServerBytes => Volatile.Read(ref _server);

    /// <summary>Counts an access.</summary>
    /// <param name="bytes">Its bytes.</param>
    /// <param name="direct">True when they moved by shared memory.</param>
    public void Count(int bytes, bool direct) => Interlocked.Add(ref direct ? ref _direct : ref _server, (ulong)bytes);
}
