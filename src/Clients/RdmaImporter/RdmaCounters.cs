using CocoGuest.RdmaImporter.Keys;

namespace CocoGuest.RdmaImporter;

/// <summary>Bytes that this device moved by RDMA, and requests of peers that it refused.</summary>
internal sealed class RdmaCounters
{
    private ulong _sent;
    private ulong _received;
    private ulong _writtenByPeer;
    private ulong _readByPeer;
    private ulong _refused;

    public event Action<CompletionStatus>? OnRefused;

    public ulong SentBytes => Volatile.Read(ref _sent);

    public ulong ReceivedBytes => Volatile.Read(ref _received);

    public ulong WrittenByPeerBytes => Volatile.Read(ref _writtenByPeer);

    public ulong ReadByPeerBytes => Volatile.Read(ref _readByPeer);

    public ulong RefusedRequests => Volatile.Read(ref _refused);

    public void Sent(ulong bytes) => Interlocked.Add(ref _sent, bytes);

    public void Received(ulong bytes) => Interlocked.Add(ref _received, bytes);

    public void WrittenByPeer(ulong bytes) => Interlocked.Add(ref _writtenByPeer, bytes);

    public void ReadByPeer(ulong bytes) => Interlocked.Add(ref _readByPeer, bytes);

    public void Refused(CompletionStatus status)
    {
        Interlocked.Increment(ref _refused);
        OnRefused?.Invoke(status);
    }
}
