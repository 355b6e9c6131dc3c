using CocoGuest.Machine.Abi;
using CocoGuest.Tests.Service.Control;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.Tests.Service.Processes;
using CocoGuest.V1;
using Google.Protobuf;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Access;

/// <summary>A T=1 device reaches every private page of the guest, so it is the owner's; so is the seed, which keys are made from.</summary>
public sealed class TrustedDeviceTests : ServerTest
{
    private const int DeviceTrusted = 1;

    private Metadata WithToken => new() { { "authorization", "Bearer " + Host.Token } };

    [Fact]
    public async Task TrustedDevice_OverTcpWithoutToken_IsRefusedAndPrivateMemoryStaysPrivate()
    {
        GuestService.GuestServiceClient owner = Host.Guests();
        using OpenedProcess victim = await OpenedProcess.StartAsync(Host.Unix());
        AllocateBufferResponse buffer = await owner.AllocateBufferAsync(new() { Process = victim.Handle, Heap = "system", Len = 65536 });
        ulong address = (await owner.MmapAsync(new() { Process = victim.Handle, Fd = buffer.Fd })).Address;
        await owner.StoreAsync(new() { Process = victim.Handle, Address = address, Data = ByteString.CopyFromUtf8("SECRET") });
        ulong phys = (await owner.StatBufferAsync(new() { Process = victim.Handle, Fd = buffer.Fd })).Chunks[0].GuestPhysicalAddress;

        var devices = new DeviceService.DeviceServiceClient(Host.Tcp());
        using OpenedProcess stranger = await OpenedProcess.StartAsync(Host.Tcp());
        RpcException e = await FailsAsync(
            devices.RegisterDeviceAsync(new() { Process = stranger.Handle, Name = "t1", Trusted = true }));
        Assert.Equal(
            (StatusCode.PermissionDenied, "EPERM", "trusted"),
            (e.StatusCode, Failures.InfoOf(e).Reason, Failures.InfoOf(e).Metadata["field"]));
        await FailsAsync(devices.DmaReadAsync(new() { Process = stranger.Handle, Device = "t1", DmaAddress = phys, Length = 6 }));
        await FailsAsync(devices.DmaWriteAsync(
            new() { Process = stranger.Handle, Device = "t1", DmaAddress = phys, Data = ByteString.CopyFromUtf8("FORGED") }));
        Assert.Equal(
            "SECRET", (await owner.LoadAsync(new() { Process = victim.Handle, Address = address, Length = 6 })).Data.ToStringUtf8());
    }

    [Fact]
    public async Task UntrustedDevice_OverTcpWithoutToken_IsOnesOwn()
    {
        var devices = new DeviceService.DeviceServiceClient(Host.Tcp());
        Assert.Equal("d", (await devices.RegisterDeviceAsync(new() { Name = "d" })).Device);
    }

    [Fact]
    public async Task TrustedDevice_WithTheToken_IsRegistered()
    {
        var devices = new DeviceService.DeviceServiceClient(Host.Tcp());
        Assert.Equal("t1", (await devices.RegisterDeviceAsync(new() { Name = "t1", Trusted = true }, WithToken)).Device);
    }

    [Fact]
    public async Task TrustedDevice_OverTheUnixSocket_IsRegistered()
    {
        var devices = new DeviceService.DeviceServiceClient(Host.Unix());
        Assert.Equal("t1", (await devices.RegisterDeviceAsync(new() { Name = "t1", Trusted = true })).Device);
    }

    [Fact]
    public void TrustedDevice_OverTheControlProtocol_IsRegisteredForTheServersUser()
    {
        using var client = ControlClient.Open(Host.Server.BrokerPath);
        ControlAnswer answer = client.Try(ControlClient.RegisterDevice, "t1", "", ulong.MaxValue, 0ul, DeviceTrusted, 0);
        Assert.Equal(Errno.None, answer.Errno);
    }

    [Fact]
    public async Task Seed_OfAGuest_IsToldOnlyToWhoMayMakeOne()
    {
        var owner = new HostService.HostServiceClient(Host.Unix());
        await owner.CreateGuestAsync(new() { Shape = new() { Name = "seeded", Seed = 4711, MemoryBytes = 1 << 30 } });
        var tcp = new HostService.HostServiceClient(Host.Tcp());
        Assert.Equal(4711ul, (await owner.GetGuestAsync(new() { Guest = "seeded" })).Guest.Shape.Seed);
        Assert.Equal(4711ul, (await tcp.GetGuestAsync(new() { Guest = "seeded" }, WithToken)).Guest.Shape.Seed);
        Assert.Equal(0ul, (await tcp.GetGuestAsync(new() { Guest = "seeded" })).Guest.Shape.Seed);
        Assert.DoesNotContain((await tcp.ListGuestsAsync(new())).Guests, g => g.Shape.Seed != 0);
        Assert.Contains((await tcp.ListGuestsAsync(new(), WithToken)).Guests, g => g.Shape.Seed == 4711);
    }
}
