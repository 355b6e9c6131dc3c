using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Google.Protobuf;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Processes;

/// <summary>A process that ends while another call of it waits: that call ends at once with EINTR, however the process ended.</summary>
public sealed class WaitingProcessTests : ServerTest
{
    private const uint In = 1;
    private const uint SyncIoctl = 0x40086200;
    private const ulong SyncRead = 1;

    private FenceService.FenceServiceClient Fences => field ??= new(Host.Unix());

    private GuestService.GuestServiceClient Guests => field ??= Host.Guests();

    private MovableService.MovableServiceClient Movable => field ??= new(Host.Unix());

    private Guest Guest => Host.Part<GuestRegistry>().Find("").Value;

    internal override void Configure(CocoGuest.Service.Options.ServerOptions options) =>
        options.DefaultShape = options.DefaultShape with { Platform = Platform.None };

    [Theory]
    [InlineData("poll")]
    [InlineData("sync")]
    [InlineData("ioctl")]
    [InlineData("map")]
    [InlineData("migrate")]
    [Statement("S-BUF-50")]
    [Statement("S-BUF-63")]
    public async Task ExitProcess_WhileAnotherCallOfItWaits_EndsThatCallWithEintr(string call)
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Unix());
        Task waiting = await StartAsync(call, process.Handle);
        Eventually(() => Guest.Fences.Waits.Count == 1);
        Assert.False(waiting.IsCompleted);

        await Guests.ExitProcessAsync(new() { Process = process.Handle });

        RpcException e = await Assert.ThrowsAsync<RpcException>(() => waiting.WaitAsync(Patience));
        Assert.Equal(
            (StatusCode.Aborted, "EINTR", "process"),
            (e.StatusCode, Failures.InfoOf(e).Reason, Failures.InfoOf(e).Metadata["field"]));
        Assert.Equal(0, Guest.Fences.Waits.Count);
    }

    [Fact]
    [Statement("S-BUF-63")]
    public async Task BrokenStream_PastItsGraceTime_EndsTheWaitToo()
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Tcp());
        Task waiting = await StartAsync("poll", process.Handle);
        Eventually(() => Guest.Fences.Waits.Count == 1);
        process.Break();
        Eventually(() =>
        {
            Host.Time.Advance(TimeSpan.FromSeconds(1));
            return Guest.Processes.Find(Handle128.TryParse(process.Handle, out Handle128 handle) ? handle : default) is null;
        });

        RpcException e = await Assert.ThrowsAsync<RpcException>(() => waiting.WaitAsync(Patience));
        Assert.Equal("EINTR", Failures.InfoOf(e).Reason);
    }

    [Fact]
    public async Task ExitProcess_OfAnother_LeavesTheWaitAlone()
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Unix());
        using OpenedProcess other = await OpenedProcess.StartAsync(Host.Unix());
        Task waiting = await StartAsync("poll", process.Handle);
        Eventually(() => Guest.Fences.Waits.Count == 1);

        await Guests.ExitProcessAsync(new() { Process = other.Handle });

        Assert.Equal((1, false), (Guest.Fences.Waits.Count, waiting.IsCompleted));
        await Guests.ExitProcessAsync(new() { Process = process.Handle });
        await Assert.ThrowsAsync<RpcException>(() => waiting.WaitAsync(Patience));
    }

    private async Task<Task> StartAsync(string call, string process)
    {
        int buffer = call == "migrate"
            ? (await Movable.AllocateMovableAsync(new() { Process = process, Len = 4096 })).Fd
            : (await Guests.AllocateBufferAsync(new() { Process = process, Heap = "system", Len = 4096 })).Fd;
        AddFence(process, buffer, call == "map" ? FenceUsage.Kernel : FenceUsage.Write);
        switch (call)
        {
            case "poll": return Fences.PollBufferAsync(new() { Process = process, Fd = buffer, Events = In }).ResponseAsync;
            case "sync": return Guests.SyncBufferAsync(new() { Process = process, Fd = buffer, Flags = SyncRead }).ResponseAsync;
            case "ioctl":
                return new FileService.FileServiceClient(Host.Unix()).IoctlAsync(new()
                {
                    Process = process,
                    Fd = buffer,
                    Command = SyncIoctl,
                    Data = ByteString.CopyFrom(BitConverter.GetBytes(SyncRead)),
                }).ResponseAsync;
            case "map":
                ulong attachment = (await Guests.AttachAsync(new() { Process = process, Fd = buffer })).Attachment;
                return Guests.MapDmaBufAsync(new() { Process = process, Attachment = attachment }).ResponseAsync;
            case "migrate": return Movable.MigrateBufferAsync(new() { Process = process, Fd = buffer }).ResponseAsync;
            default: throw new ArgumentOutOfRangeException(nameof(call), call, null);
        }
    }

    // A fence that nobody signals; only drivers put kernel fences into a buffer, for which a static attachment's map waits (S-BUF-50).
    private void AddFence(string process, int fd, FenceUsage usage)
    {
        Assert.True(Handle128.TryParse(process, out Handle128 handle));
        Reservation fences = ((DmaBuf)Guest.Processes.Find(handle)!.Fds.Find(fd)!).Fences;
        fences.Reserve(1);
        fences.Add(new Fence(1000, 1, "driver", "ring"), usage);
    }
}
