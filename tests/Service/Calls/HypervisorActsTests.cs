using CocoGuest.Service.Streams;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Google.Protobuf;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>What the host does to a guest over gRPC, and the stream of page states that shows it.</summary>
public sealed class HypervisorActsTests : ServerTest
{
    private HypervisorService.HypervisorServiceClient Hypervisor => new(Host.Unix());

    private ConversionService.ConversionServiceClient Conversions => new(Host.Unix());

    [Fact]
    public async Task WriteHostMemory_ToASharedPage_IsWhatTheGuestLoads()
    {
        AllocateBufferResponse buffer = await Host.Guests().AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 4096 });
        MmapResponse mapping = await Host.Guests().MmapAsync(new() { Fd = buffer.Fd });
        ulong address = (await Host.Guests().StatBufferAsync(new() { Fd = buffer.Fd })).Chunks[0].GuestPhysicalAddress;
        await Hypervisor.WriteHostMemoryAsync(new() { Address = address + 5, Data = ByteString.CopyFromUtf8("host") });
        Assert.Equal("host", (await Host.Guests().LoadAsync(new() { Address = mapping.Address + 5, Length = 4 })).Data.ToStringUtf8());
    }

    [Fact]
    public async Task WriteHostMemory_OutsideRam_NamesTheField()
    {
        RpcException e = await FailsAsync(
            Hypervisor.WriteHostMemoryAsync(new() { Address = 1ul << 45, Data = ByteString.CopyFromUtf8("x") }));
        Assert.Equal((StatusCode.OutOfRange, "EFAULT", "address"),
            (e.StatusCode, Failures.InfoOf(e).Reason, Failures.InfoOf(e).Metadata["field"]));
    }

    [Fact]
    public async Task WatchPageStates_OfAPage_TellsItsChangesWithTheirCauses()
    {
        ulong address = await PageAsync();
        using FollowedGuest<WatchPageStatesResponse> stream = await WatchAsync(new() { Address = address, Length = 4096 });
        await Conversions.ConvertPagesAsync(new() { Address = address + 4096, Pages = 1 });
        await Conversions.ConvertPagesAsync(new() { Address = address, Pages = 1 });
        PageStateChange asked = Assert.Single((await stream.NextAsync())!.Changes.Changes);
        await Conversions.ConvertPagesAsync(new() { Address = address, Pages = 1, Direction = ConversionDirection.ToPrivate });
        PageStateChange back = Assert.Single((await stream.NextAsync())!.Changes.Changes);
        await Hypervisor.ChangePagesAsync(new() { Address = address, Length = 4096, Direction = ConversionDirection.ToShared });
        PageStateChange unasked = Assert.Single((await stream.NextAsync())!.Changes.Changes);
        Assert.Equal((address, 4096ul, "private", "shared", PageStateCause.Request),
            (asked.Before.Address, asked.After.Length, asked.Before.GuestState, asked.After.GuestState, asked.Cause));
        Assert.Equal(("GUEST_VALID", "HYPERVISOR"), (asked.Before.HostState, asked.After.HostState));
        Assert.Equal(("shared", "private"), (back.Before.GuestState, back.After.GuestState));
        Assert.Equal(("private", "private", "HYPERVISOR", PageStateCause.Host),
            (unasked.Before.GuestState, unasked.After.GuestState, unasked.After.HostState, unasked.Cause));
    }

    [Fact]
    public async Task WatchPageStates_WhenTheGuestIsDestroyed_EndsWithItsReason()
    {
        using FollowedGuest<WatchPageStatesResponse> stream = await WatchAsync(new() { Address = await PageAsync(), Length = 4096 });
        await new HostService.HostServiceClient(Host.Unix()).DestroyGuestAsync(new() { Guest = "default" });
        WatchPageStatesResponse? last = null;
        while (await stream.NextAsync() is { } next)
        {
            last = next;
        }

        Assert.Equal("destroyed", last!.GuestEnded.Reason);
        Eventually(() => !Host.Part<GuestFollowers>().WatchesPages);
    }

    [Fact]
    public async Task WatchPageStates_ThatItsClientCancels_StopsTheWatch()
    {
        using var given = new CancellationTokenSource();
        using FollowedGuest<WatchPageStatesResponse> stream =
            await FollowedGuest<WatchPageStatesResponse>.StartAsync(Hypervisor.WatchPageStates(new(), cancellationToken: given.Token));
        Assert.True(Host.Part<GuestFollowers>().WatchesPages);
        await given.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(stream.NextAsync)).StatusCode);
        Eventually(() => !Host.Part<GuestFollowers>().WatchesPages && Host.Part<GuestFollowers>().Count == 0);
    }

    [Fact]
    public async Task WatchPageStates_OfAnUnalignedRange_NamesTheField()
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () =>
            await Hypervisor.WatchPageStates(new() { Address = 1 }).ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience));
        Assert.Equal((StatusCode.InvalidArgument, "address"), (e.StatusCode, Failures.InfoOf(e).Metadata["field"]));
    }

    [Fact]
    public void Follower_ThatNobodyReads_KeepsTheFirstChangesAndCountsTheRest()
    {
        Machine.Guest guest = Host.Part<Machine.GuestRegistry>().Find("").Value;
        using GuestFollower follower = Host.Part<GuestFollowers>().Follow(guest, new Machine.Memory.Frames.FrameRange(0, 8));
        for (int i = 0; i < GuestFollower.ChangeLimit + 3; i++)
        {
            follower.Note(new(new(7, 1), default, default, default));
            follower.Note(new(new(8, 1), default, default, default));
        }

        Assert.Equal((GuestFollower.ChangeLimit, 3ul), Counts());
        Assert.Equal((0, 0ul), Counts());

        (int Changes, ulong Lost) Counts() => follower.TakeChanges() is var (changes, lost) ? (changes.Count, lost) : default;
    }

    [Fact]
    public async Task ChangePagesAndRemap_WithAWrongField_NameIt()
    {
        RpcException direction = await FailsAsync(Hypervisor.ChangePagesAsync(new() { Length = 4096, Direction = (ConversionDirection)3 }));
        RpcException same = await FailsAsync(Hypervisor.RemapPagesAsync(new() { Address = 1 << 20, OtherAddress = 1 << 20 }));
        Assert.Equal(("direction", "address"), (Failures.InfoOf(direction).Metadata["field"], Failures.InfoOf(same).Metadata["field"]));
    }

    private async Task<ulong> PageAsync()
    {
        AllocateBufferResponse buffer = await Host.Guests().AllocateBufferAsync(new() { Heap = "system", Len = 8192 });
        return (await Host.Guests().StatBufferAsync(new() { Fd = buffer.Fd })).Chunks[0].GuestPhysicalAddress;
    }

    private Task<FollowedGuest<WatchPageStatesResponse>> WatchAsync(WatchPageStatesRequest request) =>
        FollowedGuest<WatchPageStatesResponse>.StartAsync(Hypervisor.WatchPageStates(request));
}
