using System.Net.Sockets;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;

namespace CocoGuest.Tests.Service.Control;

/// <summary>Control connections that end, wait, stall or send garbage: who loses what.</summary>
public sealed class ControlLifeTests : ServerTest
{
    private const int Malformed = 302;
    private static readonly byte[] NotUtf8 = [0xff, .. new byte[63]];
    private static readonly byte[] BehindZero = [(byte)'a', 0, (byte)'b', .. new byte[61]];

    /// <summary>Requests that no client writes: name, bytes.</summary>
    public static TheoryData<string, byte[]> Garbage => new()
    {
        { "version", With(ControlClient.Request(ControlClient.Hello, 9, 1u, 0u), 4, 2) },
        { "operation 0", ControlClient.Request(0, 9) },
        { "operation 23", ControlClient.Request(23, 9) },
        { "operation 65535", ControlClient.Request(ushort.MaxValue, 9) },
        { "errno", With(ControlClient.Request(ControlClient.Hello, 9, 1u, 0u), 12, 1) },
        { "short body", ControlClient.Request(ControlClient.Stat, 9, 1) },
        { "long body", ControlClient.Request(ControlClient.Stat, 9, 1, 0u, 0u) },
        { "endless body", With(ControlClient.Request(ControlClient.Store, 9, 1ul), 11, 0x7f) },
        { "reserved field", ControlClient.Request(ControlClient.Stat, 9, 1, 1u) },
        { "text behind a zero", ControlClient.Request(ControlClient.UnregisterDevice, 9, BehindZero) },
        { "no UTF-8", ControlClient.Request(ControlClient.UnregisterDevice, 9, NotUtf8) },
    };

    private Guest Guest => Host.Part<GuestRegistry>().Find("").Value;

    private Machine.ObjectCensus Objects => Guest.Snapshot().Objects;

    [Theory]
    [MemberData(nameof(Garbage))]
    public void Request_ThatIsMalformed_IsEinvalHangUpAndTheProcessEnd(string what, byte[] request)
    {
        Host.Logs.Expected.Add(Malformed);
        using ControlClient client = Open();
        using ControlClient beside = Open();
        client.Call(ControlClient.Allocate, "system", 4096ul, 0ul, 2u, 0u);
        client.Send(request);
        ControlAnswer answer = client.Receive()!;
        Assert.True((answer.Errno, answer.Id) == (Errno.EINVAL, 9ul), what);
        Assert.Null(client.Receive());
        Eventually(() => Objects is { Processes: 2, Buffers: 0 });
        beside.Call(ControlClient.Allocate, "system", 4096ul, 0ul, 2u, 0u);
    }

    [Fact]
    public void HangUp_WithEverythingHeld_LeavesNothing()
    {
        Machine.ObjectCensus before = Objects;
        using (ControlClient client = Open())
        {
            int fd = client.Call(ControlClient.Allocate, "system_cc_shared", 65536ul, 0ul, 2u, 0u).Int32(0);
            client.Call(ControlClient.Mmap, fd, uint.MaxValue, 1u, 0u, 0ul, 0ul).Dispose();
            client.Call(ControlClient.RegisterDevice, "nic", "", ulong.MaxValue, 0ul, 0u, 0u);
            ulong attachment = client.Call(ControlClient.Attach, fd, 0u, "nic").UInt64(0);
            client.Call(ControlClient.Map, attachment, 0u, 0u).Dispose();
            Assert.Equal((before.Processes + 1, 1), (Objects.Processes, Objects.DmaMappings));
        }

        Eventually(() => Objects == before);
    }

    [Fact]
    public void HangUp_InTheMiddleOfARequest_EndsTheProcess()
    {
        using (ControlClient client = Open())
        {
            client.Send(ControlClient.Request(ControlClient.Stat, 1, 0, 0u).AsSpan(0, 27));
        }

        Eventually(() => Objects.Processes == 1);
    }

    [Fact]
    public async Task SyncBuffer_WithAFenceAhead_AnswersWhenItSignals()
    {
        using var client = new ControlClient(Host.Server.BrokerPath);
        (int fd, int timeline, string process) = await BlockedAsync(client);
        client.Send(ControlClient.Request(ControlClient.Sync, 77, fd, 0u, 1ul));
        Eventually(() => Guest.Fences.Waits.Count == 1);
        await new FenceService.FenceServiceClient(Host.Unix()).SignalTimelineAsync(new() { Process = process, Fd = timeline });
        ControlAnswer answer = client.Receive()!;
        Assert.Equal((77ul, Errno.None, 16), (answer.Id, answer.Errno, answer.Body.Length));
    }

    [Fact]
    public async Task HangUp_WhileItWaitsForAFence_EndsTheWaitAndTheProcess()
    {
        using (var client = new ControlClient(Host.Server.BrokerPath))
        {
            (int fd, _, _) = await BlockedAsync(client);
            client.Send(ControlClient.Request(ControlClient.Sync, 77, fd, 0u, 1ul));
            Eventually(() => Guest.Fences.Waits.Count == 1);
        }

        Eventually(() => Guest.Fences.Waits.Count == 0 && Objects is { Processes: 1, Buffers: 0 });
    }

    [Fact]
    public void Client_ThatNeverReadsLongAnswers_BlocksNobody()
    {
        using var stalled = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        stalled.Connect(new UnixDomainSocketEndPoint(Host.Server.BrokerPath));
        stalled.Send(ControlClient.Request(ControlClient.OpenProcess, 1, "", ""));
        for (int i = 0; i < 500; i++)
        {
            stalled.Send(ControlClient.Request(ControlClient.ListHeaps, 2));
        }

        using ControlClient client = Open();
        client.Call(ControlClient.Allocate, "system", 4096ul, 0ul, 2u, 0u);
    }

    [Fact]
    public void Client_ThatReadsLongAnswersLate_GetsThemWhole()
    {
        const int requests = 40;
        using ControlClient client = Open();
        int fd = client.Call(ControlClient.Allocate, "system", 65536ul, 0ul, 2u, 0u).Int32(0);
        ulong address = client.Call(ControlClient.Mmap, fd, uint.MaxValue, 1u, 0u, 0ul, 0ul).UInt64(0);
        byte[] bytes = new byte[65536];
        new Random(2).NextBytes(bytes);
        client.Call(ControlClient.Store, address, bytes);
        for (int i = 0; i < requests; i++)
        {
            client.Send(ControlClient.Request(ControlClient.Load, (ulong)i, address, 65536ul));
        }

        for (int i = 0; i < requests; i++)
        {
            ControlAnswer answer = client.Receive()!;
            Assert.Equal((ulong)i, answer.Id);
            Assert.Equal(bytes, answer.Body);
        }
    }

    [Fact]
    public async Task DestroyGuest_OfTheProcess_FailsItsCallsAndKeepsTheConnection()
    {
        using ControlClient client = Open();
        await new HostService.HostServiceClient(Host.Unix()).DestroyGuestAsync(new() { Guest = "default" });
        ControlAnswer answer = client.Try(ControlClient.Allocate, "system", 4096ul, 0ul, 2u, 0u);
        Assert.Equal(Errno.EOWNERDEAD, answer.Errno);
        Assert.Equal(1u, client.Call(ControlClient.Hello, 1u, 0u).UInt32(0));
    }

    private static byte[] With(byte[] request, int offset, byte value)
    {
        request[offset] = value;
        return request;
    }

    private ControlClient Open() => ControlClient.Open(Host.Server.BrokerPath);

    private async Task<(int Fd, int Timeline, string Process)> BlockedAsync(ControlClient client)
    {
        string process = client.Call(ControlClient.OpenProcess, "", "waits").Hex(0);
        int fd = client.Call(ControlClient.Allocate, "system", 4096ul, 0ul, 2u, 0u).Int32(0);
        var fences = new FenceService.FenceServiceClient(Host.Unix());
        int timeline = (await fences.CreateTimelineAsync(new() { Process = process, Name = "render" })).Fd;
        int fence = (await fences.CreateFenceAsync(new() { Process = process, Fd = timeline, Value = 1 })).Fd;
        await fences.ImportSyncFileAsync(new() { Process = process, Fd = fd, SyncFd = fence, Flags = 2 });
        return (fd, timeline, process);
    }
}
