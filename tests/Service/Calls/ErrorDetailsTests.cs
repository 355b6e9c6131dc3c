using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Google.Rpc;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>What a failed call carries: status code, sentence, and ErrorInfo with errno, operation, step and field.</summary>
public sealed class ErrorDetailsTests : ServerTest
{
    private const string NoSuchHandle = "0123456789abcdef0123456789abcdef";

    public static TheoryData<string, StatusCode, string, string?> Rows => new()
    {
        { "unknown guest", StatusCode.NotFound, "ENOENT", "guest" },
        { "process is no handle", StatusCode.InvalidArgument, "EINVAL", "process" },
        { "unknown process", StatusCode.NotFound, "ENOENT", "process" },
        { "unknown heap", StatusCode.NotFound, "ENOENT", "heap" },
        { "fd flags", StatusCode.InvalidArgument, "EINVAL", "fd_flags" },
        { "length 0", StatusCode.InvalidArgument, "EINVAL", "len" },
        { "closed fd", StatusCode.FailedPrecondition, "EBADF", "fd" },
        { "load too long", StatusCode.InvalidArgument, "EINVAL", "length" },
        { "load nowhere", StatusCode.OutOfRange, "EFAULT", "address" },
        { "share token is no handle", StatusCode.InvalidArgument, "EINVAL", "share_token" },
        { "unknown share token", StatusCode.NotFound, "ENOENT", "share_token" },
        { "addressee is no handle", StatusCode.InvalidArgument, "EINVAL", "to_process" },
        { "unknown device", StatusCode.NotFound, "ENODEV", "device" },
        { "unknown attachment", StatusCode.InvalidArgument, "EINVAL", "attachment" },
        { "direction", StatusCode.InvalidArgument, "EINVAL", "direction" },
        { "device mode", StatusCode.InvalidArgument, "EINVAL", "mode" },
        { "device mask", StatusCode.Aborted, "EIO", "dma_mask" },
        { "dma fault", StatusCode.OutOfRange, "EFAULT", "dma_address" },
        { "platform", StatusCode.InvalidArgument, "EINVAL", "platform" },
        { "kernel", StatusCode.InvalidArgument, "EINVAL", "kernel" },
        { "guest exists", StatusCode.AlreadyExists, "EEXIST", "name" },
        { "guest too large", StatusCode.InvalidArgument, "EINVAL", "memory_bytes" },
        { "host read outside", StatusCode.OutOfRange, "EFAULT", "address" },
        { "page states unaligned", StatusCode.InvalidArgument, "EINVAL", "address" },
        { "page states runs", StatusCode.InvalidArgument, "EINVAL", "max_runs" },
        { "init exits", StatusCode.PermissionDenied, "EPERM", "process" },
        { "unregister built-in", StatusCode.PermissionDenied, "EPERM", "device" },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task FailedCall_OfEachClass_CarriesStatusErrnoAndField(string what, StatusCode status, string errno, string? field)
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => Call(what));
        ErrorInfo info = Failures.InfoOf(e);
        Assert.Equal(
            (status, errno, "cocoguest", field),
            (e.StatusCode, info.Reason, info.Domain, info.Metadata.GetValueOrDefault("field")));
        Assert.True(int.Parse(info.Metadata["errno"]) > 0 && info.Metadata["operation"].Length > 0 && info.Metadata["step"].Length > 0);
        Assert.StartsWith(errno + ": ", e.Status.Detail, StringComparison.Ordinal);
        Assert.EndsWith(".", e.Status.Detail, StringComparison.Ordinal);
    }

    private async Task Call(string what)
    {
        ChannelBase channel = Host.Unix();
        var guests = new GuestService.GuestServiceClient(channel);
        var devices = new DeviceService.DeviceServiceClient(channel);
        var host = new HostService.HostServiceClient(channel);
        var hypervisor = new HypervisorService.HypervisorServiceClient(channel);
        switch (what)
        {
            case "unknown guest": await guests.ListHeapsAsync(new() { Guest = "nobody" }); break;
            case "process is no handle": await guests.ReleaseAsync(new() { Process = "12" }); break;
            case "unknown process": await guests.ReleaseAsync(new() { Process = NoSuchHandle }); break;
            case "unknown heap": await guests.AllocateBufferAsync(new() { Heap = "cma", Len = 1 }); break;
            case "fd flags": await guests.AllocateBufferAsync(new() { Heap = "system", Len = 1, FdFlags = 4 }); break;
            case "length 0": await guests.AllocateBufferAsync(new() { Heap = "system" }); break;
            case "closed fd": await guests.MmapAsync(new() { Fd = 77 }); break;
            case "load too long": await guests.LoadAsync(new() { Length = (1 << 20) + 1 }); break;
            case "load nowhere": await guests.LoadAsync(new() { Address = 4096, Length = 1 }); break;
            case "share token is no handle": await guests.ImportBufferAsync(new() { ShareToken = "x" }); break;
            case "unknown share token": await guests.ImportBufferAsync(new() { ShareToken = NoSuchHandle }); break;
            case "addressee is no handle": await guests.ExportBufferAsync(new() { ToProcess = "x" }); break;
            case "unknown device": await guests.AttachAsync(new() { Fd = await AllocateAsync(guests), Device = "none" }); break;
            case "unknown attachment": await guests.DetachAsync(new() { Attachment = 5 }); break;
            case "direction": await guests.MapDmaBufAsync(new() { Direction = (DmaDirection)9 }); break;
            case "device mode": await devices.RegisterDeviceAsync(new() { Name = "d", Mode = (DeviceMode)9 }); break;
            case "device mask": await devices.RegisterDeviceAsync(new() { Name = "d", DmaMask = 0xffff }); break;
            case "dma fault": await devices.DmaReadAsync(new() { DmaAddress = 1ul << 45, Length = 1 }); break;
            case "platform": await host.CreateGuestAsync(new() { Shape = new() { Name = "g", Platform = "sun" } }); break;
            case "kernel": await host.CreateGuestAsync(new() { Shape = new() { Name = "g", Kernel = "2.4" } }); break;
            case "guest exists": await host.CreateGuestAsync(new() { Shape = new() { Name = "default" } }); break;
            case "guest too large": await host.CreateGuestAsync(new() { Shape = new() { Name = "g", MemoryBytes = 1ul << 50 } }); break;
            case "host read outside": await hypervisor.ReadHostMemoryAsync(new() { Address = 1ul << 45, Length = 1 }); break;
            case "page states unaligned": await hypervisor.GetPageStatesAsync(new() { Address = 1 }); break;
            case "page states runs": await hypervisor.GetPageStatesAsync(new() { MaxRuns = 1_000_000 }); break;
            case "init exits": await guests.ExitProcessAsync(new()); break;
            case "unregister built-in": await devices.UnregisterDeviceAsync(new() { Device = "emu0" }); break;
            default: throw new ArgumentOutOfRangeException(nameof(what), what, null);
        }
    }

    private static async Task<int> AllocateAsync(GuestService.GuestServiceClient guests) =>
        (await guests.AllocateBufferAsync(new() { Heap = "system", Len = 1 })).Fd;
}
