using CocoGuest.Machine;
using CocoGuest.Tests.Service.Broker;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.Tests.Service.Processes;
using CocoGuest.V1;
using Google.Protobuf;
using Grpc.Core;
using DmaDirection = CocoGuest.V1.DmaDirection;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>Memory for DMA by gRPC: who reaches it, who gets it by fd, and that it goes with its driver.</summary>
public sealed class DmaAllocationTests : ServerTest
{
    private const ulong Size = 8192;
    private const uint Atomic = 1;
    private static readonly ByteString Bytes = ByteString.CopyFromUtf8("device");

    private DmaService.DmaServiceClient Dma => field ??= new(Host.Unix());

    private GuestService.GuestServiceClient Guests => field ??= Host.Guests();

    private DeviceService.DeviceServiceClient Devices => field ??= new(Host.Unix());

    private CocoGuest.Machine.MemoryCensus Census => Host.Part<GuestRegistry>().Find("").Value.Snapshot().Memory;

    [Fact]
    [Statement("S-DMA-60")]
    [Statement("S-DMA-61")]
    public async Task AllocCoherent_InACoCoGuest_IsZeroedSharedAndReachedByDriverAndDevice()
    {
        DmaAllocation memory = await CoherentAsync();
        Assert.Equal((true, "pages", Size), (memory.Shared, memory.Source, memory.Size));
        Assert.Equal(new byte[Size], (await Devices.DmaReadAsync(new() { DmaAddress = memory.DmaAddress, Length = Size })).Data);

        await Devices.DmaWriteAsync(new() { DmaAddress = memory.DmaAddress + 4, Data = Bytes });
        Assert.Equal(Bytes, (await Dma.ReadAllocationAsync(new() { Allocation = memory.Allocation, Offset = 4, Length = 6 })).Data);
        await Dma.WriteAllocationAsync(new() { Allocation = memory.Allocation, Offset = 100, Data = Bytes });
        Assert.Equal(Bytes, (await Devices.DmaReadAsync(new() { DmaAddress = memory.DmaAddress + 100, Length = 6 })).Data);
    }

    [Theory]
    [InlineData("sev")]
    [InlineData("snp")]
    [InlineData("tdx")]
    [InlineData("none")]
    [Statement("S-DMA-61")]
    [Statement("S-DMA-65")]
    public async Task MmapAllocation_OfCoherentMemory_GivesTheSameBytesByFd(string platform)
    {
        string guest = await GuestAsync(platform);
        DmaAllocation memory = (await Dma.AllocCoherentAsync(new() { Guest = guest, Size = Size })).Memory;
        MmapAllocationResponse mapping = await Dma.MmapAllocationAsync(
            new() { Guest = guest, Allocation = memory.Allocation, PageOffset = 1 });
        Assert.Equal((4096ul, 4096ul), (mapping.Length, mapping.FdOffset));
        using var broker = new BrokerClient(mapping.BrokerPath);
        using ReceivedFrame frame = broker.Redeem(mapping.FdToken);
        Assert.Equal((mapping.BackingId, Size, "\0\0"), (frame.BackingId, frame.Size, frame.ReadText(0, 2)));

        await Devices.DmaWriteAsync(new() { Guest = guest, DmaAddress = memory.DmaAddress + 4096, Data = Bytes });

        Assert.Equal("device", frame.ReadText(4096, 6));
        Assert.Equal(Bytes, (await Guests.LoadAsync(new() { Guest = guest, Address = mapping.Address, Length = 6 })).Data);
    }

    [Fact]
    [Statement("S-DMA-71")]
    public async Task FreeAllocation_WhoseFdIsHeld_TellsTheHolderAndLeavesZeros()
    {
        CocoGuest.Machine.MemoryCensus before = Census;
        DmaAllocation memory = await CoherentAsync();
        MmapAllocationResponse mapping = await Dma.MmapAllocationAsync(new() { Allocation = memory.Allocation });
        using var broker = new BrokerClient(mapping.BrokerPath);
        using ReceivedFrame frame = broker.Redeem(mapping.FdToken);
        RandomAccess.Write(frame.Fd!, "secret"u8, 0);
        RpcException e = await FailsAsync(Dma.FreeAllocationAsync(new() { Allocation = memory.Allocation }));
        Assert.Equal(("EBUSY", "allocation"), (Failures.InfoOf(e).Reason, Failures.InfoOf(e).Metadata["field"]));

        await Guests.MunmapAsync(new() { Address = mapping.Address });
        await Dma.FreeAllocationAsync(new() { Allocation = memory.Allocation });

        using ReceivedFrame? revoked = broker.Receive();
        Assert.Equal((3u, mapping.BackingId), (revoked!.Kind, revoked.BackingId));
        Assert.Equal("\0\0\0\0\0\0", frame.ReadText(0, 6));
        Assert.Equal(before, Census);
    }

    [Fact]
    [Statement("S-DMA-66")]
    [Statement("S-DMA-67")]
    public async Task MmapAllocation_OfPages_HasNoFdSinceItsMappingIsNotDecrypted()
    {
        DmaAllocation memory = (await Dma.AllocPagesAsync(new() { Size = Size })).Memory;
        Assert.True(memory.Shared);
        MmapAllocationResponse mapping = await Dma.MmapAllocationAsync(new() { Allocation = memory.Allocation });
        Assert.Equal(("", 0ul, Size), (mapping.FdToken, mapping.BackingId, mapping.Length));
    }

    [Fact]
    [Statement("S-DMA-60")]
    public async Task AllocCoherent_ThatMayNotSleep_ComesFromThePoolAndHasNoFd()
    {
        DmaAllocation memory = (await Dma.AllocCoherentAsync(new() { Size = Size, Flags = Atomic })).Memory;
        Assert.Equal("atomic pool", memory.Source);
        Assert.Equal("", (await Dma.MmapAllocationAsync(new() { Allocation = memory.Allocation })).FdToken);
    }

    [Fact]
    [Statement("S-DMA-69")]
    public async Task AllocNoncontiguous_OtherAttributes_IsEnomem()
    {
        Assert.Equal(Size, (await Dma.AllocNoncontiguousAsync(new() { Size = Size, Attrs = 1 << 7 })).Memory.Size);
        RpcException e = await FailsAsync(Dma.AllocNoncontiguousAsync(new() { Size = Size, Attrs = 1 << 2 }));
        Assert.Equal(("ENOMEM", "attrs"), (Failures.InfoOf(e).Reason, Failures.InfoOf(e).Metadata["field"]));
    }

    [Fact]
    [Statement("S-DMA-90")]
    [Statement("S-DMA-91")]
    public async Task Pool_OfSmallBlocks_GivesWhatDriverAndDeviceReach()
    {
        CocoGuest.Machine.MemoryCensus before = Census;
        CreatePoolResponse pool = await Dma.CreatePoolAsync(new() { Name = "ring", Size = 48, Align = 32 });
        Assert.Equal((64u, 4096u), (pool.BlockSize, pool.Boundary));
        AllocFromPoolResponse first = await Dma.AllocFromPoolAsync(new() { Pool = pool.Pool });
        AllocFromPoolResponse second = await Dma.AllocFromPoolAsync(new() { Pool = pool.Pool });
        Assert.Equal((first.Allocation, first.DmaAddress + 64), (second.Allocation, second.DmaAddress));

        await Devices.DmaWriteAsync(new() { DmaAddress = second.DmaAddress, Data = Bytes });

        Assert.Equal(
            Bytes,
            (await Dma.ReadAllocationAsync(new() { Allocation = second.Allocation, Offset = second.Offset, Length = 6 })).Data);
        await Dma.FreeToPoolAsync(new() { Pool = pool.Pool, DmaAddress = first.DmaAddress });
        Assert.Equal("EBUSY", Failures.InfoOf(await FailsAsync(Dma.DestroyPoolAsync(new() { Pool = pool.Pool }))).Reason);
        await Dma.FreeToPoolAsync(new() { Pool = pool.Pool, DmaAddress = second.DmaAddress });
        await Dma.DestroyPoolAsync(new() { Pool = pool.Pool });
        Assert.Equal(before, Census);
    }

    [Fact]
    [Statement("S-DMA-60")]
    public async Task ExitProcess_OfADriver_FreesItsMemoryAndRevokesItsFds()
    {
        CocoGuest.Machine.MemoryCensus before = Census;
        using OpenedProcess driver = await OpenedProcess.StartAsync(Host.Unix());
        DmaAllocation memory = (await Dma.AllocCoherentAsync(new() { Process = driver.Handle, Size = Size })).Memory;
        MmapAllocationResponse mapping = await Dma.MmapAllocationAsync(new() { Process = driver.Handle, Allocation = memory.Allocation });
        using var broker = new BrokerClient(mapping.BrokerPath);
        using ReceivedFrame frame = broker.Redeem(mapping.FdToken);

        await Guests.ExitProcessAsync(new() { Process = driver.Handle });

        using ReceivedFrame? revoked = broker.Receive();
        Assert.Equal((3u, mapping.BackingId), (revoked!.Kind, revoked.BackingId));
        Assert.Equal(before, Census);
    }

    [Theory]
    [InlineData("size", "EINVAL", "size")]
    [InlineData("flags", "EINVAL", "flags")]
    [InlineData("compound", "ENOMEM", "flags")]
    [InlineData("zone of pages", "ENOMEM", "flags")]
    [InlineData("direction", "EINVAL", "direction")]
    [InlineData("free", "EINVAL", "allocation")]
    [InlineData("read behind", "EINVAL", "offset")]
    [InlineData("map behind", "ENXIO", "page_offset")]
    [InlineData("map too long", "ENXIO", "page_offset")]
    [InlineData("pool align", "ENOMEM", "align")]
    [InlineData("pool", "EINVAL", "pool")]
    [Statement("S-DMA-64")]
    [Statement("S-DMA-65")]
    public async Task WrongField_IsNamed(string what, string errno, string field)
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(what));
        Google.Rpc.ErrorInfo info = Failures.InfoOf(e);
        Assert.Equal((errno, field), (info.Reason, info.Metadata["field"]));
    }

    private async Task CallAsync(string what)
    {
        ulong id = (await CoherentAsync()).Allocation;
        switch (what)
        {
            case "size": await Dma.AllocCoherentAsync(new()); break;
            case "flags": await Dma.AllocCoherentAsync(new() { Size = 1, Flags = 1u << 31 }); break;
            case "compound": await Dma.AllocCoherentAsync(new() { Size = 1, Flags = 16 }); break;
            case "zone of pages": await Dma.AllocPagesAsync(new() { Size = 1, Flags = 2 }); break;
            case "direction": await Dma.AllocPagesAsync(new() { Size = 1, Direction = (DmaDirection)3 }); break;
            case "free": await Dma.FreeAllocationAsync(new() { Allocation = 900 }); break;
            case "read behind": await Dma.ReadAllocationAsync(new() { Allocation = id, Offset = Size, Length = 1 }); break;
            case "map behind": await Dma.MmapAllocationAsync(new() { Allocation = id, PageOffset = 2 }); break;
            case "pool align": await Dma.CreatePoolAsync(new() { Size = 8, Align = 3 }); break;
            case "pool": await Dma.AllocFromPoolAsync(new() { Pool = 900 }); break;
            case "map too long": await Dma.MmapAllocationAsync(new() { Allocation = id, PageOffset = 1, Length = Size }); break;
            default: throw new ArgumentOutOfRangeException(nameof(what), what, null);
        }
    }

    private async Task<DmaAllocation> CoherentAsync() => (await Dma.AllocCoherentAsync(new() { Size = Size })).Memory;

    private async Task<string> GuestAsync(string platform)
    {
        await new HostService.HostServiceClient(Host.Unix()).CreateGuestAsync(new()
        {
            Shape = new V1.GuestShape { Name = platform, Platform = platform, MemoryBytes = 96UL << 20, Swiotlb = "2048" },
        });
        return platform;
    }
}
