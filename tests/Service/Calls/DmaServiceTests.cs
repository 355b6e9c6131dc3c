using CocoGuest.Machine;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Google.Protobuf;
using Grpc.Core;
using DmaDirection = CocoGuest.V1.DmaDirection;
using SwiotlbCounters = CocoGuest.Machine.Dma.Swiotlb.SwiotlbCounters;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>Streaming mappings by gRPC, in a guest whose private pages bounce.</summary>
public sealed class DmaServiceTests : ServerTest
{
    private const ulong Page = 4096;
    private const uint Mmio = 1 << 10;
    private static readonly ByteString Bytes = ByteString.CopyFromUtf8("driver");
    private static readonly ByteString Theirs = ByteString.CopyFromUtf8("device");

    private DmaService.DmaServiceClient Dma => field ??= new(Host.Unix());

    private DeviceService.DeviceServiceClient Devices => field ??= new(Host.Unix());

    private SwiotlbCounters Pool => Host.Part<GuestRegistry>().Find("").Value.Snapshot().Dma.DefaultPool!;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Statement("S-DMA-44")]
    [Statement("S-SWI-40")]
    public async Task MapAndSync_OfAPrivatePage_MovesBytesBothWaysThroughItsSlots(bool page)
    {
        ulong phys = await TakeAsync(Page);
        await Dma.WritePagesAsync(new() { Phys = phys, Data = Bytes });
        ulong dma = page
            ? (await Dma.MapPageAsync(new() { Phys = phys, Length = Page })).DmaAddress
            : (await Dma.MapPhysAsync(new() { Phys = phys, Length = Page })).DmaAddress;
        Assert.Equal(Bytes, (await Devices.DmaReadAsync(new() { DmaAddress = dma, Length = 6 })).Data);

        await Devices.DmaWriteAsync(new() { DmaAddress = dma, Data = Theirs });
        Assert.Equal(Bytes, await ReadAsync(phys));
        await Dma.SyncSingleForCpuAsync(new() { DmaAddress = dma, Length = Page });
        Assert.Equal(Theirs, await ReadAsync(phys));
        await Dma.WritePagesAsync(new() { Phys = phys, Data = Bytes });
        await Dma.SyncSingleForDeviceAsync(new() { DmaAddress = dma, Length = Page });
        Assert.Equal(Bytes, (await Devices.DmaReadAsync(new() { DmaAddress = dma, Length = 6 })).Data);

        await Dma.UnmapPhysAsync(new() { DmaAddress = dma, Length = Page });
        Assert.Equal(0u, Pool.UsedSlots);
        await Dma.GivePagesAsync(new() { Phys = phys });
    }

    [Fact]
    [Statement("S-DMA-32")]
    [Statement("S-DMA-46")]
    public async Task MapResource_InAGuestThatBounces_IsEnomemAndPageRefusesMmio()
    {
        Assert.Equal("ENOMEM", Failures.InfoOf(await FailsAsync(Dma.MapResourceAsync(new() { Phys = 1UL << 40, Length = Page }))).Reason);
        ulong phys = await TakeAsync(Page);
        RpcException e = await FailsAsync(Dma.MapPageAsync(new() { Phys = phys, Length = Page, Attrs = Mmio }));
        Assert.Equal((StatusCode.ResourceExhausted, "ENOMEM"), (e.StatusCode, Failures.InfoOf(e).Reason));
    }

    [Fact]
    [Statement("S-DMA-50")]
    [Statement("S-DMA-51")]
    public async Task MapSgtable_LaterEntryTooLong_FailsAsAWholeAndKeepsNoSlot()
    {
        ulong phys = await TakeAsync(1 << 20);
        await Dma.WritePagesAsync(new() { Phys = phys, Data = Bytes });

        // S-SWI-11: one mapping bounces 256 KiB at most.
        RpcException e = await FailsAsync(Dma.MapSgtableAsync(new()
        {
            Entries = { new SgEntry { Phys = phys, Length = Page }, new SgEntry { Phys = phys + Page, Length = 512 << 10 } },
        }));

        Assert.Equal(("EIO", 0u), (Failures.InfoOf(e).Reason, Pool.UsedSlots));
        await Dma.GivePagesAsync(new() { Phys = phys });
    }

    [Fact]
    [Statement("S-DMA-52")]
    public async Task MapSg_LaterEntryTooLong_IsAnAnswerWithoutSegments()
    {
        ulong phys = await TakeAsync(1 << 20);

        MapSgResponse none = await Dma.MapSgAsync(new()
        {
            Entries = { new SgEntry { Phys = phys, Length = Page }, new SgEntry { Phys = phys + Page, Length = 512 << 10 } },
        });

        Assert.Equal((0ul, 0, 0u), (none.Mapping, none.Segments.Count, Pool.UsedSlots));
    }

    [Fact]
    [Statement("S-DMA-50")]
    [Statement("S-DMA-56")]
    public async Task MapSgAndSgtable_TwoEntries_AreSyncedWholeAndUnmapped()
    {
        ulong phys = await TakeAsync(4 * Page);
        SgEntry[] entries = [new() { Phys = phys, Length = Page }, new() { Phys = phys + (2 * Page), Length = 2 * Page }];
        MapSgtableResponse table = await Dma.MapSgtableAsync(new() { Entries = { entries } });
        MapSgResponse list = await Dma.MapSgAsync(new() { Entries = { entries } });
        Assert.Equal([Page, 2 * Page], table.Segments.Select(s => s.Length));
        Assert.Equal((2u, 2u), (table.Bounced, list.Bounced));

        await Devices.DmaWriteAsync(new() { DmaAddress = table.Segments[1].DmaAddress + Page, Data = Theirs });
        await Dma.SyncSgtableForCpuAsync(new() { Mapping = table.Mapping });
        Assert.Equal(Theirs, await ReadAsync(phys + (3 * Page)));
        await Dma.SyncSgtableForDeviceAsync(new() { Mapping = list.Mapping });
        Assert.Equal(Theirs, (await Devices.DmaReadAsync(new() { DmaAddress = list.Segments[1].DmaAddress + Page, Length = 6 })).Data);

        await Dma.UnmapSgtableAsync(new() { Mapping = table.Mapping });
        await Dma.UnmapSgtableAsync(new() { Mapping = list.Mapping });
        Assert.Equal(0u, Pool.UsedSlots);
    }

    [Fact]
    [Statement("S-DMA-58")]
    [Statement("S-DMA-59")]
    [Statement("S-DMA-70")]
    public async Task SetDmaMask_OfAnOwnDevice_ChangesWhatTheDmaLayerAnswers()
    {
        await Devices.RegisterDeviceAsync(new() { Name = "nic" });
        QueryDmaResponse before = await Dma.QueryDmaAsync(new() { Device = "nic" });
        Assert.Equal((ulong.MaxValue, true, true, 256u << 10),
            (before.DmaMask, before.ForceUnencrypted, before.SwiotlbActive, before.MaxMappingSize));

        await Dma.SetDmaMaskAsync(new() { Device = "nic", DmaMask = uint.MaxValue });

        QueryDmaResponse after = await Dma.QueryDmaAsync(new() { Device = "nic" });
        Assert.Equal((uint.MaxValue, true), (after.CoherentDmaMask, after.AddressingLimited));
        RpcException e = await FailsAsync(Dma.SetDmaMaskAsync(new() { Device = "nic", DmaMask = 0xffff }));
        Assert.Equal("EIO", Failures.InfoOf(e).Reason);
    }

    [Theory]
    [InlineData("take nothing", "EINVAL", "size")]
    [InlineData("give others", "EINVAL", "phys")]
    [InlineData("read others", "EINVAL", "phys")]
    [InlineData("map others", "EINVAL", "phys")]
    [InlineData("map direction", "EINVAL", "direction")]
    [InlineData("map cpu", "EINVAL", "cpu")]
    [InlineData("map attrs", "EINVAL", "attrs")]
    [InlineData("map device", "ENODEV", "device")]
    [InlineData("unmap address", "EINVAL", "dma_address")]
    [InlineData("unmap length", "EINVAL", "length")]
    [InlineData("sync range", "EINVAL", "offset")]
    [InlineData("sg empty", "EINVAL", "entries")]
    [InlineData("sg mapping", "EINVAL", "mapping")]
    [InlineData("mask of emu0", "EPERM", "device")]
    public async Task WrongField_IsNamed(string what, string errno, string field)
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(what));
        Google.Rpc.ErrorInfo info = Failures.InfoOf(e);
        Assert.Equal((errno, field), (info.Reason, info.Metadata["field"]));
    }

    private async Task CallAsync(string what)
    {
        ulong phys = await TakeAsync(Page);
        ulong dma = (await Dma.MapPhysAsync(new() { Phys = phys, Length = Page })).DmaAddress;
        switch (what)
        {
            case "take nothing": await Dma.TakePagesAsync(new()); break;
            case "give others": await Dma.GivePagesAsync(new() { Phys = phys + Page }); break;
            case "read others": await Dma.ReadPagesAsync(new() { Phys = phys + Page, Length = 1 }); break;
            case "map others": await Dma.MapPhysAsync(new() { Phys = phys, Length = Page + 1 }); break;
            case "map direction": await Dma.MapPhysAsync(new() { Phys = phys, Length = 1, Direction = (DmaDirection)3 }); break;
            case "map cpu": await Dma.MapPhysAsync(new() { Phys = phys, Length = 1, Cpu = 9 }); break;
            case "map attrs": await Dma.MapPhysAsync(new() { Phys = phys, Length = 1, Attrs = 1u << 31 }); break;
            case "map device": await Dma.MapPhysAsync(new() { Phys = phys, Length = 1, Device = "none" }); break;
            case "unmap address": await Dma.UnmapPhysAsync(new() { DmaAddress = dma + 1, Length = Page }); break;
            case "unmap length": await Dma.UnmapPhysAsync(new() { DmaAddress = dma, Length = 1 }); break;
            case "sync range": await Dma.SyncSingleForCpuAsync(new() { DmaAddress = dma, Offset = 1, Length = Page }); break;
            case "sg empty": await Dma.MapSgAsync(new()); break;
            case "sg mapping": await Dma.UnmapSgtableAsync(new() { Mapping = 900 }); break;
            case "mask of emu0": await Dma.SetDmaMaskAsync(new() { DmaMask = uint.MaxValue }); break;
            default: throw new ArgumentOutOfRangeException(nameof(what), what, null);
        }
    }

    private async Task<ulong> TakeAsync(ulong size) => (await Dma.TakePagesAsync(new() { Size = size })).Phys;

    private async Task<ByteString> ReadAsync(ulong phys) =>
        (await Dma.ReadPagesAsync(new() { Phys = phys, Length = (ulong)Bytes.Length })).Data;
}
