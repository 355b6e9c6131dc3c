using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Service.Processes;
using CocoGuest.Tests.Service.Broker;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Processes;

/// <summary>What ends a process, what does not, and what its stream tells.</summary>
public sealed class ProcessLifeTests : ServerTest
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private Machine.ObjectCensus Objects => Host.Part<GuestRegistry>().Find("").Value.Snapshot().Objects;

    [Fact]
    public async Task OpenProcess_FirstMessage_HasHandleSecretAndBroker()
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Unix(), new() { Name = "importer" });
        ProcessOpened opened = process.Opened;
        Assert.Equal((32, 32, 2u, Host.Server.BrokerPath, 5_000_000_000ul),
            (opened.Process.Length, opened.Secret.Length, opened.Pid, opened.BrokerPath, opened.GraceTimeNanoseconds));
        Assert.NotEqual(opened.Process, opened.Secret);
    }

    [Fact]
    public async Task ExitProcess_EndsTheStreamWellAndLeavesNothing()
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Tcp());
        await process.Client.AllocateBufferAsync(new() { Process = process.Handle, Heap = "system", Len = 1 });
        await process.Client.ExitProcessAsync(new() { Process = process.Handle });
        Assert.Null(await process.NextAsync());
        Assert.Equal((0, 1), (Objects.Buffers, Objects.Processes));
    }

    [Fact]
    public async Task Stream_ThatBreaks_LetsTheProcessLiveForTheGraceTime()
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Tcp());
        BreakAndWait(process);
        Host.Time.Advance(Grace - TimeSpan.FromTicks(1));
        Assert.Equal(2, Objects.Processes);
    }

    [Fact]
    public async Task Stream_ThatBreaks_KillsTheProcessAfterTheGraceTime()
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Tcp());
        await process.Client.AllocateBufferAsync(new() { Process = process.Handle, Heap = "system", Len = 1 });
        BreakAndWait(process);
        Host.Time.Advance(Grace);
        Assert.Equal((1, 0), (Objects.Processes, Objects.Buffers));
        RpcException e = await FailsAsync(process.Client.ReleaseAsync(new() { Process = process.Handle, Fd = 3 }));
        Assert.Equal("ENOENT", Failures.InfoOf(e).Reason);
    }

    [Fact]
    public async Task Rejoin_WithTheSecret_KeepsTheProcessAndWhatItHas()
    {
        using OpenedProcess first = await OpenedProcess.StartAsync(Host.Unix());
        AllocateBufferResponse buffer = await first.Client.AllocateBufferAsync(new() { Process = first.Handle, Heap = "system", Len = 1 });
        BreakAndWait(first);
        using OpenedProcess second = await OpenedProcess.RejoinAsync(Host.Unix(), first.Opened);
        Host.Time.Advance(Grace * 2);
        StatBufferResponse stat = await second.Client.StatBufferAsync(new() { Process = first.Handle, Fd = buffer.Fd });
        Assert.Equal((first.Opened.Pid, buffer.Ino), (second.Opened.Pid, stat.Ino));
    }

    [Fact]
    public async Task Rejoin_WithWrongSecret_IsRefusedAndChangesNothing()
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Unix());
        RpcException e = await Assert.ThrowsAsync<RpcException>(
            () => OpenedProcess.RejoinAsync(Host.Unix(), process.Opened, process.Handle));
        Assert.Equal(("EPERM", "secret"), (Failures.InfoOf(e).Reason, Failures.InfoOf(e).Metadata["field"]));
        await process.Client.ExitProcessAsync(new() { Process = process.Handle });
        Assert.Null(await process.NextAsync());
    }

    [Fact]
    public async Task Rejoin_AfterTheProcessDied_IsEnoent()
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Unix());
        BreakAndWait(process);
        Host.Time.Advance(Grace);
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => OpenedProcess.RejoinAsync(Host.Unix(), process.Opened));
        Assert.Equal("ENOENT", Failures.InfoOf(e).Reason);
    }

    [Fact]
    public async Task Rejoin_WhileTheOldStreamIsOpen_EndsTheOldOne()
    {
        using OpenedProcess first = await OpenedProcess.StartAsync(Host.Unix());
        using OpenedProcess second = await OpenedProcess.RejoinAsync(Host.Unix(), first.Opened);
        RpcException e = await Assert.ThrowsAsync<RpcException>(first.NextAsync);
        Assert.Equal((StatusCode.Aborted, "EINTR"), (e.StatusCode, Failures.InfoOf(e).Reason));
        Host.Time.Advance(Grace * 2);
        Assert.Equal(2, Objects.Processes);
    }

    [Fact]
    public async Task Events_ThatCameBetweenTwoStreams_AreToldByTheSecond()
    {
        using OpenedProcess first = await OpenedProcess.StartAsync(Host.Unix());
        (AllocateBufferResponse buffer, MmapResponse mapping) = await MapAsync(first);
        using var broker = new BrokerClient(mapping.BrokerPath);
        broker.Redeem(mapping.FdToken).Dispose();
        BreakAndWait(first);
        await ReleaseAsync(first, buffer, mapping);
        using OpenedProcess second = await OpenedProcess.RejoinAsync(Host.Unix(), first.Opened);
        Assert.Equal(mapping.BackingId, (await second.NextAsync())!.MemoryRevoked.BackingId);
    }

    [Fact]
    public async Task Stream_WhenHeldMemoryIsReleased_TellsWhichAndWhy()
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Unix());
        (AllocateBufferResponse buffer, MmapResponse mapping) = await MapAsync(process);
        using var broker = new BrokerClient(mapping.BrokerPath);
        broker.Redeem(mapping.FdToken).Dispose();
        await ReleaseAsync(process, buffer, mapping);
        MemoryRevoked revoked = (await process.NextAsync())!.MemoryRevoked;
        Assert.Equal((mapping.BackingId, "released"), (revoked.BackingId, revoked.Reason));
    }

    [Fact]
    public async Task Stream_WhenATokenWasNeverRedeemed_TellsNothingOfItsMemory()
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Unix());
        (AllocateBufferResponse buffer, MmapResponse mapping) = await MapAsync(process);
        await ReleaseAsync(process, buffer, mapping);
        await process.Client.ExitProcessAsync(new() { Process = process.Handle });
        Assert.Null(await process.NextAsync());
    }

    [Fact]
    public async Task DestroyGuest_EndsStreamsWithTheReason()
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Unix());
        await new HostService.HostServiceClient(Host.Unix()).DestroyGuestAsync(new() { Guest = "default" });
        Assert.Equal("destroyed", (await process.NextAsync())!.GuestEnded.Reason);
        Assert.Null(await process.NextAsync());
        Assert.Equal(0, Host.Part<ProcessSessions>().Count);
    }

    [Fact]
    public async Task Stop_OfTheServer_EndsStreamsWell()
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Unix());
        Task stop = Host.StopAsync();
        Assert.NotNull((await process.NextAsync())!.GuestEnded);
        Assert.Null(await process.NextAsync());
        await stop.WaitAsync(Patience);
    }

    [Fact]
    public async Task Process_OfTheUnixSocket_IsRefusedOverTcp()
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Unix());
        RpcException e = await FailsAsync(
            new GuestService.GuestServiceClient(Host.Tcp()).AllocateBufferAsync(
                new() { Process = process.Handle, Heap = "system", Len = 1 }));
        Assert.Equal((StatusCode.PermissionDenied, "EPERM"), (e.StatusCode, Failures.InfoOf(e).Reason));
    }

    [Fact]
    public async Task Process_OfAnotherGuest_IsNotFoundUnderTheWrongName()
    {
        await new HostService.HostServiceClient(Host.Unix()).CreateGuestAsync(
            new() { Shape = new() { Name = "other", MemoryBytes = 1 << 28, Swiotlb = "1024" } });
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Unix(), new() { Guest = "other" });
        RpcException e = await FailsAsync(process.Client.ReleaseAsync(new() { Guest = "default", Process = process.Handle, Fd = 3 }));
        Assert.Equal(("ENOENT", "process"), (Failures.InfoOf(e).Reason, Failures.InfoOf(e).Metadata["field"]));
    }

    /// <summary>Breaks the stream and waits until the server has seen it: then the grace timer runs.</summary>
    private void BreakAndWait(OpenedProcess process)
    {
        ProcessSession session = Host.Part<ProcessSessions>().Find(Handle(process))!;
        process.Break();
        Eventually(() => session.GraceTimer is not null);
    }

    private static Handle128 Handle(OpenedProcess process)
    {
        Assert.True(Handle128.TryParse(process.Handle, out Handle128 handle));
        return handle;
    }

    private static async Task<(AllocateBufferResponse Buffer, MmapResponse Mapping)> MapAsync(OpenedProcess process)
    {
        AllocateBufferResponse buffer = await process.Client.AllocateBufferAsync(
            new() { Process = process.Handle, Heap = "system_cc_shared", Len = 4096 });
        return (buffer, await process.Client.MmapAsync(new() { Process = process.Handle, Fd = buffer.Fd }));
    }

    private static async Task ReleaseAsync(OpenedProcess process, AllocateBufferResponse buffer, MmapResponse mapping)
    {
        await process.Client.MunmapAsync(new() { Process = process.Handle, Address = mapping.Address });
        await process.Client.ReleaseAsync(new() { Process = process.Handle, Fd = buffer.Fd });
    }
}
