using System.Buffers.Binary;
using CocoGuest.Client;
using CocoGuest.Client.Internal;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Clients.Sdk;

public sealed class BrokerConnectionTests : IDisposable
{
    private const string Token = "00112233445566778899aabbccddeeff";
    private static readonly byte[] TokenBytes = Convert.FromHexString(Token);

    private readonly FakeBroker _broker = new();
    private readonly BrokerConnection _connection;
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public BrokerConnectionTests()
    {
        _connection = BrokerConnection.Connect(_broker.Path);
        _connection.ServerGone += () => _gone.TrySetResult();
    }

    public void Dispose()
    {
        _connection.Dispose();
        _broker.Dispose();
    }

    [Fact]
    public async Task Redeem_Request_IsTheFrameOfTheProtocol()
    {
        Task<ReceivedMemory> redeeming = _connection.RedeemAsync(Token);
        byte[] request = await _broker.ReceiveRequestAsync();
        _broker.Send(FakeBroker.Frame(2, 0, TokenBytes, errno: 2));

        Assert.Equal(FakeBroker.Magic, BinaryPrimitives.ReadUInt32LittleEndian(request));
        Assert.Equal(1u, BinaryPrimitives.ReadUInt32LittleEndian(request.AsSpan(4)));
        Assert.Equal(TokenBytes, request[8..24]);
        Assert.Equal(new byte[8], request[24..]);
        await Assert.ThrowsAsync<CocoException>(() => redeeming);
    }

    [Fact]
    public async Task Redeem_AnswerWithFd_GivesMemoryThatMapsTheSameBytes()
    {
        using SafeFileHandle file = TemporaryFile("0123456789"u8);
        Task<ReceivedMemory> redeeming = _connection.RedeemAsync(Token);
        await _broker.ReceiveRequestAsync();
        _broker.Send(FakeBroker.Frame(1, 77, TokenBytes, flags: 1, size: 10), file);

        using ReceivedMemory memory = await redeeming;
        using var map = MemoryMapHandle.Map(memory.Fd, 0, memory.Size, writable: false);
        byte[] bytes = new byte[10];
        map.Read(0, bytes);

        Assert.Equal((77UL, 10UL, true), (memory.BackingId, memory.Size, memory.ReadOnly));
        Assert.Equal("0123456789"u8.ToArray(), bytes);
        Assert.NotEqual(file.DangerousGetHandle(), memory.Fd.DangerousGetHandle());
    }

    [Fact]
    public async Task Redeem_AnswerInPieces_IsPutTogetherWithItsFd()
    {
        using SafeFileHandle file = TemporaryFile("x"u8);
        Task<ReceivedMemory> redeeming = _connection.RedeemAsync(Token);
        await _broker.ReceiveRequestAsync();
        byte[] frame = FakeBroker.Frame(1, 5, TokenBytes, size: 1);
        _broker.Send(frame.AsSpan(0, 7), file);
        _broker.Send(frame.AsSpan(7));

        using ReceivedMemory memory = await redeeming;

        Assert.Equal(5UL, memory.BackingId);
        Assert.False(memory.Fd.IsInvalid);
    }

    [Fact]
    public async Task Redeem_RevocationBeforeTheAnswer_BothArrive()
    {
        using SafeFileHandle file = TemporaryFile("x"u8);
        var revoked = new TaskCompletionSource<ulong>();
        _connection.Revoked += id => revoked.TrySetResult(id);
        Task<ReceivedMemory> redeeming = _connection.RedeemAsync(Token);
        await _broker.ReceiveRequestAsync();
        _broker.Send(FakeBroker.Frame(3, 9, new byte[16]));
        _broker.Send(FakeBroker.Frame(1, 10, TokenBytes, size: 1), file);

        using ReceivedMemory memory = await redeeming;

        Assert.Equal(9UL, await revoked.Task);
        Assert.Equal(10UL, memory.BackingId);
    }

    [Fact]
    public async Task Redeem_UnknownToken_IsEnoent()
    {
        Task<ReceivedMemory> redeeming = _connection.RedeemAsync(Token);
        await _broker.ReceiveRequestAsync();
        _broker.Send(FakeBroker.Frame(2, 0, TokenBytes, errno: 2));

        CocoException error = await Assert.ThrowsAsync<CocoException>(() => redeeming);

        Assert.Equal((2, "ENOENT"), (error.Errno, error.ErrnoName));
    }

    [Fact]
    public async Task Redeem_ServerHangsUp_IsServerGoneNowAndLater()
    {
        Task<ReceivedMemory> redeeming = _connection.RedeemAsync(Token);
        await _broker.ReceiveRequestAsync();
        _broker.HangUp();

        await Assert.ThrowsAsync<ServerGoneException>(() => redeeming);
        await _gone.Task;
        await Assert.ThrowsAsync<ServerGoneException>(() => _connection.RedeemAsync(Token));
    }

    [Fact]
    public async Task Redeem_TwoFdsWithAFrame_EndsTheConnection()
    {
        using SafeFileHandle file = TemporaryFile("x"u8);
        Task<ReceivedMemory> redeeming = _connection.RedeemAsync(Token);
        await _broker.ReceiveRequestAsync();
        _broker.Send(FakeBroker.Frame(1, 5, TokenBytes, size: 1), file, file);

        await Assert.ThrowsAsync<ServerGoneException>(() => redeeming);
    }

    [Fact]
    public async Task Redeem_ThreeFdsWithAFrame_TruncationIsNoticed()
    {
        using SafeFileHandle file = TemporaryFile("x"u8);
        Task<ReceivedMemory> redeeming = _connection.RedeemAsync(Token);
        await _broker.ReceiveRequestAsync();
        _broker.Send(FakeBroker.Frame(1, 5, TokenBytes, size: 1), file, file, file);

        await Assert.ThrowsAsync<ServerGoneException>(() => redeeming);
    }

    [Fact]
    public async Task Redeem_WrongMagic_EndsTheConnection()
    {
        Task<ReceivedMemory> redeeming = _connection.RedeemAsync(Token);
        await _broker.ReceiveRequestAsync();
        _broker.Send(new byte[48]);

        await Assert.ThrowsAsync<ServerGoneException>(() => redeeming);
    }

    [Theory]
    [InlineData("")]
    [InlineData("xyz")]
    [InlineData("00112233445566778899aabbccddee")]
    public async Task Redeem_NoToken_IsAnArgumentError(string token) =>
        await Assert.ThrowsAsync<ArgumentException>(() => _connection.RedeemAsync(token));

    [Fact]
    public void Connect_NobodyListens_IsServerGone() =>
        Assert.Throws<ServerGoneException>(() => BrokerConnection.Connect(_broker.Path + ".none"));

    private static SafeFileHandle TemporaryFile(ReadOnlySpan<byte> bytes)
    {
        string path = Path.GetTempFileName();
        SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose);
        RandomAccess.Write(file, bytes, 0);
        return file;
    }
}
