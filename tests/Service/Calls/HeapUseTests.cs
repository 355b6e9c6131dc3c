using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>Allocation by use: what a program asks for instead of a heap's name.</summary>
public sealed class HeapUseTests : ServerTest
{
    private GuestService.GuestServiceClient Guests => field ??= Host.Guests();

    [Theory]
    [InlineData("rdma-control", true)]
    [InlineData("scanout", true)]
    [InlineData("cpu-private", false)]
    [Statement("S-HEAP-23")]
    public async Task AllocateBuffer_ByUse_TakesTheHeapOfItsRow(string use, bool shared)
    {
        HeapUse row = (await Guests.ListHeapUsesAsync(new())).Uses.Single(u => u.Use == use);
        Assert.Equal((shared ? "system_cc_shared" : "system", true), (row.Heap, row.IsDefault));

        AllocateBufferResponse buffer = await Guests.AllocateBufferAsync(new() { Use = use, Len = 1 });

        StatBufferResponse stat = await Guests.StatBufferAsync(new() { Fd = buffer.Fd });
        Assert.Equal((row.Heap, shared), (stat.ExpName, buffer.HostVisible));
    }

    [Fact]
    public async Task SetHeapUse_KnownAndNew_DecidesFromThenOn()
    {
        await Guests.SetHeapUseAsync(new() { Use = "scanout", Heap = "system" });
        await Guests.SetHeapUseAsync(new() { Use = "my-camera", Heap = "system_cc_shared" });

        Assert.False((await Guests.AllocateBufferAsync(new() { Use = "scanout", Len = 1 })).HostVisible);
        Assert.True((await Guests.AllocateBufferAsync(new() { Use = "my-camera", Len = 1 })).HostVisible);
        Assert.False((await Guests.ListHeapUsesAsync(new())).Uses.Single(u => u.Use == "scanout").IsDefault);
    }

    [Theory]
    [InlineData("unknown use", "ENOENT", "use")]
    [InlineData("use and heap", "EINVAL", "heap")]
    [InlineData("use and flags", "EINVAL", "heap_flags")]
    [InlineData("set a long use", "EINVAL", "use")]
    [InlineData("set an unknown heap", "ENOENT", "heap")]
    [InlineData("set unknown flags", "EINVAL", "heap_flags")]
    public async Task WrongField_IsNamed(string what, string errno, string field)
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(what));
        Google.Rpc.ErrorInfo info = Failures.InfoOf(e);
        Assert.Equal((errno, field), (info.Reason, info.Metadata["field"]));
    }

    private async Task CallAsync(string what)
    {
        switch (what)
        {
            case "unknown use": await Guests.AllocateBufferAsync(new() { Use = "tea", Len = 1 }); break;
            case "use and heap": await Guests.AllocateBufferAsync(new() { Use = "scanout", Heap = "system", Len = 1 }); break;
            case "use and flags": await Guests.AllocateBufferAsync(new() { Use = "scanout", HeapFlags = 1, Len = 1 }); break;
            case "set a long use": await Guests.SetHeapUseAsync(new() { Use = new string('u', 65), Heap = "system" }); break;
            case "set an unknown heap": await Guests.SetHeapUseAsync(new() { Use = "scanout", Heap = "none" }); break;
            case "set unknown flags": await Guests.SetHeapUseAsync(new() { Use = "scanout", Heap = "system", HeapFlags = 8 }); break;
            default: throw new ArgumentOutOfRangeException(nameof(what), what, null);
        }
    }
}
