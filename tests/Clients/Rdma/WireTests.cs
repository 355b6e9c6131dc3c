using System.Net.Sockets;
using CocoGuest.RdmaImporter;
using CocoGuest.RdmaImporter.Keys;
using CocoGuest.RdmaImporter.Wire;
using CocoGuest.V1;

namespace CocoGuest.Tests.Clients.Rdma;

/// <summary>Two importers' queue pair and responder over a real socket, on memory of their own.</summary>
public sealed class WireTests : IAsyncLifetime
{
    private const int Size = 300_000;
    private const ulong LocalIova = 0x100000;
    private const ulong RemoteIova = 0x700000;

    private readonly FakeMemory _local = new(Size);
    private readonly FakeMemory _remote = new(Size);
    private readonly KeyTable _localKeys = new();
    private readonly KeyTable _remoteKeys = new();
    private QueuePair _queuePair = null!;
    private Task<CompletionStatus> _serving = null!;
    private uint _lkey;
    private uint _rkey;

    public async ValueTask InitializeAsync()
    {
        for (int i = 0; i < Size; i++)
            (_local.Bytes[i], _remote.Bytes[i]) = ((byte)(i * 7), (byte)(i * 13));
        _lkey = Add(_localKeys, _local, LocalIova, AccessFlags.LocalWrite);
        _rkey = Add(_remoteKeys, _remote, RemoteIova, AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead);
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        listener.Listen();
        var active = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await active.ConnectAsync(listener.LocalEndPoint!);
        Socket passive = await listener.AcceptAsync();
        _queuePair = new QueuePair(new NetworkStream(active, ownsSocket: true), _localKeys, 1, new RdmaCounters());
        _serving = ServeAsync(passive);
    }

    public async ValueTask DisposeAsync()
    {
        await _queuePair.DisposeAsync();
        await _serving;
    }

    [Fact]
    public async Task Write_WholeRegion_BytesArrive()
    {
        CompletionStatus status = await _queuePair.WriteAsync(_lkey, LocalIova, _rkey, RemoteIova, Size, default);

        Assert.Equal(CompletionStatus.SUCCESS, status);
        Assert.Equal(_local.Bytes, _remote.Bytes);
    }

    [Fact]
    public async Task Read_PartAtOddPlaces_BytesArrive()
    {
        CompletionStatus status = await _queuePair.ReadAsync(_lkey, LocalIova + 33, _rkey, RemoteIova + 5001, 200_001, default);

        Assert.Equal(CompletionStatus.SUCCESS, status);
        Assert.Equal(_remote.Bytes.AsSpan(5001, 200_001), _local.Bytes.AsSpan(33, 200_001));
    }

    [Fact]
    [Statement("S-RDMA-37", "S-RDMA-33")]
    public async Task Write_OneBytePastTheRegion_IsRefusedAndNothingMoves()
    {
        byte[] before = _remote.Bytes.ToArray();

        CompletionStatus status = await _queuePair.WriteAsync(_lkey, LocalIova, _rkey, RemoteIova + 1, Size, default);

        Assert.Equal(CompletionStatus.REM_ACCESS_ERR, status);
        Assert.Equal(before, _remote.Bytes);
        Assert.Equal(CompletionStatus.WR_FLUSH_ERR, await _queuePair.WriteAsync(_lkey, LocalIova, _rkey, RemoteIova, 1, default));
        Assert.Equal(CompletionStatus.REM_ACCESS_ERR, await _serving);
    }

    [Fact]
    [Statement("S-RDMA-37")]
    public async Task Read_UnknownRkey_IsRefused() =>
        Assert.Equal(CompletionStatus.REM_ACCESS_ERR, await _queuePair.ReadAsync(_lkey, LocalIova, _rkey ^ 1, RemoteIova, 16, default));

    [Fact]
    [Statement("S-RDMA-37")]
    public async Task Read_RegionWithoutRemoteRead_IsRefused()
    {
        uint writeOnly = Add(_remoteKeys, _remote, RemoteIova, AccessFlags.LocalWrite | AccessFlags.RemoteWrite);

        Assert.Equal(CompletionStatus.REM_ACCESS_ERR, await _queuePair.ReadAsync(_lkey, LocalIova, writeOnly, RemoteIova, 16, default));
    }

    [Fact]
    [Statement("S-RDMA-37")]
    public async Task Write_UnknownLkey_IsLocalProtectionError() =>
        Assert.Equal(CompletionStatus.LOC_PROT_ERR, await _queuePair.WriteAsync(_lkey + 1, LocalIova, _rkey, RemoteIova, 16, default));

    [Fact]
    [Statement("S-RDMA-37")]
    public async Task Read_LocalRegionWithoutLocalWrite_IsLocalProtectionError()
    {
        uint readOnly = Add(_localKeys, _local, LocalIova, AccessFlags.None);

        Assert.Equal(CompletionStatus.LOC_PROT_ERR, await _queuePair.ReadAsync(readOnly, LocalIova, _rkey, RemoteIova, 16, default));
    }

    [Fact]
    public async Task Write_MoreThanAMessageHolds_IsLengthError() =>
        Assert.Equal(
            CompletionStatus.LOC_LEN_ERR, await _queuePair.WriteAsync(_lkey, LocalIova, _rkey, RemoteIova, (1UL << 31) + 1, default));

    [Fact]
    [Statement("S-RDMA-36")]
    public async Task Write_RemoteDmaFault_IsRemoteOperationError()
    {
        _remote.FaultsFrom = 100_000;

        Assert.Equal(CompletionStatus.REM_OP_ERR, await _queuePair.WriteAsync(_lkey, LocalIova, _rkey, RemoteIova, Size, default));
    }

    [Fact]
    [Statement("S-RDMA-36")]
    public async Task Read_RemoteDmaFaultInTheMiddle_IsRemoteOperationError()
    {
        _remote.FaultsFrom = 100_000;

        Assert.Equal(CompletionStatus.REM_OP_ERR, await _queuePair.ReadAsync(_lkey, LocalIova, _rkey, RemoteIova, Size, default));
    }

    [Fact]
    [Statement("S-RDMA-36")]
    public async Task Write_LocalDmaFault_IsLocalProtectionError()
    {
        _local.FaultsFrom = 100_000;

        Assert.Equal(CompletionStatus.LOC_PROT_ERR, await _queuePair.WriteAsync(_lkey, LocalIova, _rkey, RemoteIova, Size, default));
    }

    [Fact]
    [Statement("S-RDMA-37")]
    public async Task ZeroLength_AnyAddress_Succeeds()
    {
        Assert.Equal(CompletionStatus.SUCCESS, await _queuePair.WriteAsync(_lkey, 0, _rkey, 1, 0, default));
        Assert.Equal(CompletionStatus.SUCCESS, await _queuePair.ReadAsync(_lkey, 0, _rkey, 1, 0, default));
    }

    private async Task<CompletionStatus> ServeAsync(Socket socket)
    {
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            return await new Responder(_remoteKeys, 1, new RdmaCounters()).ServeAsync(stream, default);
        }
        catch (IOException)
        {
            // The active side gave up in the middle of a message.
            return CompletionStatus.GENERAL_ERR;
        }
    }

    private static uint Add(KeyTable keys, FakeMemory memory, ulong iova, AccessFlags access)
    {
        var segment = new DmaSegment { DmaAddress = FakeMemory.Base, Length = (Size + 4095) & ~4095UL };
        return keys.Add(new MemoryRegion(1, access, TranslationTable.Build([segment], 0, Size, iova, 1 << 30)!, memory));
    }
}
