using CocoGuest.Machine;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.Tests.Service.Processes;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>RDMA registration by gRPC.</summary>
public sealed class RdmaServiceTests : ServerTest
{
    private const ulong Page = 4096;
    private const string Hca = "mlx5_0";
    private const string Soft = "rxe0";
    private const uint LocalWrite = 1;
    private const uint RemoteWrite = 2;

    private RdmaService.RdmaServiceClient Rdma => field ??= new(Host.Unix());

    private GuestService.GuestServiceClient Guests => field ??= Host.Guests();

    private MemoryService.MemoryServiceClient Memory => field ??= new(Host.Unix());

    private Guest Guest => Host.Part<GuestRegistry>().Find("").Value;

    [Fact]
    [Statement("S-RDMA-01")]
    [Statement("S-PIN-30")]
    [Statement("S-PIN-31")]
    public async Task RegDmabufMr_OfASharedBuffer_HasTheAddressesOfItsPages()
    {
        uint pd = await PdAsync(Hca, "emu0");
        int fd = (await Guests.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 4 * Page })).Fd;

        RdmaRegion region = (await Rdma.RegDmabufMrAsync(new()
        {
            Pd = pd,
            Fd = fd,
            Offset = Page + 8,
            Length = Page,
            Iova = 8,
            Access = LocalWrite | RemoteWrite,
        })).Region;

        ulong attachment = (await Guests.AttachAsync(new() { Fd = fd })).Attachment;
        ulong whole = (await Guests.MapDmaBufAsync(new() { Attachment = attachment })).Segments[0].DmaAddress;
        Assert.Equal((pd, 8ul, Page, whole + Page), (region.Pd, region.Iova, region.Length, region.Entries[0].DeviceAddress));
        Assert.Equal(2 * Page, region.Entries.Aggregate(0UL, (sum, e) => sum + e.Length));
        Assert.Equal((ulong)region.Entries.Count, region.EntryCount);
        await Rdma.DeregMrAsync(new() { Key = region.Key });
        await Rdma.DeallocPdAsync(new() { Pd = pd });
    }

    [Fact]
    [Statement("S-RDMA-05")]
    [Statement("S-PIN-20")]
    public async Task RegUserMr_OnASoftwareDevice_PinsThePagesUntilDereg()
    {
        uint pd = await PdAsync(Soft, "");
        ulong address = (await Memory.MmapAnonymousAsync(new() { Length = 2 * Page })).Address;

        RdmaRegion region = (await Rdma.RegUserMrAsync(
            new() { Pd = pd, Address = address, Length = 2 * Page, Iova = address, Access = LocalWrite })).Region;

        Assert.Equal((2, 2 * Page), (Guest.Pins.PinnedPages, region.Entries.Aggregate(0UL, (sum, e) => sum + e.Length)));
        await Rdma.DeregMrAsync(new() { Key = region.Key });
        Assert.Equal(0, Guest.Pins.PinnedPages);
    }

    [Fact]
    [Statement("S-RDMA-16")]
    [Statement("S-PIN-20")]
    public async Task RegUserMr_OnADeviceThatWouldBounce_IsEopnotsupp()
    {
        AddRdmaDeviceResponse device = await Rdma.AddRdmaDeviceAsync(new() { RdmaDevice = Hca, Device = "emu0" });
        Assert.Equal((true, true), (device.NeedsBounce, device.HasDmabufRegions));
        uint pd = (await Rdma.AllocPdAsync(new() { RdmaDevice = Hca })).Pd;
        ulong address = (await Memory.MmapAnonymousAsync(new() { Length = Page })).Address;
        RpcException e = await FailsAsync(Rdma.RegUserMrAsync(new() { Pd = pd, Address = address, Length = Page, Iova = address }));
        Assert.Equal(("EOPNOTSUPP", "pd"), (Failures.InfoOf(e).Reason, Failures.InfoOf(e).Metadata["field"]));
    }

    [Fact]
    [Statement("S-RDMA-06")]
    public async Task DeallocPd_WithARegion_IsBusyUntilItIsGone()
    {
        uint pd = await PdAsync(Hca, "emu0");
        int fd = (await Guests.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = Page })).Fd;
        uint key = (await Rdma.RegDmabufMrAsync(new() { Pd = pd, Fd = fd, Length = Page })).Region.Key;
        Assert.Equal("EBUSY", Failures.InfoOf(await FailsAsync(Rdma.DeallocPdAsync(new() { Pd = pd }))).Reason);
        await Rdma.DeregMrAsync(new() { Key = key });
        await Rdma.DeallocPdAsync(new() { Pd = pd });
    }

    [Fact]
    public async Task ExitProcess_WithRegions_GivesTheBufferBack()
    {
        await Rdma.AddRdmaDeviceAsync(new() { RdmaDevice = Hca, Device = "emu0" });
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Unix());
        uint pd = (await Rdma.AllocPdAsync(new() { Process = process.Handle, RdmaDevice = Hca })).Pd;
        int fd = (await Guests.AllocateBufferAsync(new() { Process = process.Handle, Heap = "system_cc_shared", Len = Page })).Fd;
        await Rdma.RegDmabufMrAsync(new() { Process = process.Handle, Pd = pd, Fd = fd, Length = Page });

        await Guests.ExitProcessAsync(new() { Process = process.Handle });

        Assert.Equal((0, 0), (Guest.Snapshot().Objects.Buffers, Guest.Snapshot().Objects.DmaMappings));
    }

    [Theory]
    [InlineData("name twice", "EEXIST", "name")]
    [InlineData("dma device", "ENODEV", "device")]
    [InlineData("rdma device", "ENODEV", "device")]
    [InlineData("pd", "EINVAL", "pd")]
    [InlineData("iova", "EINVAL", "iova")]
    [InlineData("access", "EINVAL", "access")]
    [InlineData("length", "EINVAL", "length")]
    [InlineData("dmabuf on software", "EOPNOTSUPP", "pd")]
    [InlineData("key", "ENOENT", "key")]
    [Statement("S-RDMA-03")]
    [Statement("S-RDMA-10")]
    public async Task WrongField_IsNamed(string what, string errno, string field)
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(what));
        Google.Rpc.ErrorInfo info = Failures.InfoOf(e);
        Assert.Equal((errno, field), (info.Reason, info.Metadata["field"]));
    }

    private async Task CallAsync(string what)
    {
        uint pd = await PdAsync(Hca, "emu0");
        int fd = (await Guests.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = Page })).Fd;
        switch (what)
        {
            case "name twice": await Rdma.AddRdmaDeviceAsync(new() { RdmaDevice = Hca }); break;
            case "dma device": await Rdma.AddRdmaDeviceAsync(new() { RdmaDevice = "other", Device = "none" }); break;
            case "rdma device": await Rdma.AllocPdAsync(new() { RdmaDevice = "none" }); break;
            case "pd": await Rdma.RegDmabufMrAsync(new() { Pd = 900, Fd = fd, Length = Page }); break;
            case "iova": await Rdma.RegDmabufMrAsync(new() { Pd = pd, Fd = fd, Length = Page, Iova = 1 }); break;
            case "access": await Rdma.RegDmabufMrAsync(new() { Pd = pd, Fd = fd, Length = Page, Access = 16 }); break;
            case "length": await Rdma.RegDmabufMrAsync(new() { Pd = pd, Fd = fd, Length = Page + 1 }); break;
            case "dmabuf on software":
                await Rdma.RegDmabufMrAsync(new() { Pd = await PdAsync(Soft, ""), Fd = fd, Length = Page });
                break;
            case "key": await Rdma.DeregMrAsync(new() { Key = 900 }); break;
            default: throw new ArgumentOutOfRangeException(nameof(what), what, null);
        }
    }

    private async Task<uint> PdAsync(string name, string device)
    {
        await Rdma.AddRdmaDeviceAsync(new() { RdmaDevice = name, Device = device });
        return (await Rdma.AllocPdAsync(new() { RdmaDevice = name })).Pd;
    }
}
