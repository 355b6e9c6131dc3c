using CocoGuest.Tests.Service.Hosting;
using CocoGuest.Tests.Service.Processes;
using CocoGuest.V1;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>Fault injection over gRPC: a fault fires as armed, is counted, and goes; wrong attributes are named.</summary>
public sealed class FaultCallsTests : ServerTest
{
    private FaultService.FaultServiceClient Faults => new(Host.Unix());

    public static TheoryData<FaultAttributes, string> Wrong => new()
    {
        { new() { Point = "fail_luck" }, "point" },
        { new(), "point" },
        { new() { Point = "failslab", Probability = 101 }, "probability" },
        { new() { Point = "failslab", Times = -2 }, "times" },
        { new() { Point = "failslab", MinOrder = 1 }, "min_order" },
        { new() { Point = "fail_split", Space = 1 }, "space" },
        { new() { Point = "failslab", Errno = 5 }, "errno" },
        { new() { Point = "fail_decrypt", Errno = 999 }, "errno" },
    };

    [Fact]
    public async Task InjectFault_Once_FailsTheNextCallOnlyAndIsCounted()
    {
        ulong id = (await Faults.InjectFaultAsync(new() { Attributes = new() { Point = "fail_page_alloc", Times = 1 } })).FaultId;
        InjectedFault before = Assert.Single((await Faults.ListFaultsAsync(new() { NeverFired = true })).Faults);
        RpcException e = await FailsAsync(AllocateAsync());
        await AllocateAsync();
        InjectedFault after = Assert.Single((await Faults.ListFaultsAsync(new())).Faults);
        Assert.Equal((id, 0ul, "ENOMEM"), (before.FaultId, before.Fired, Failures.InfoOf(e).Reason));
        Assert.Equal((id, 1ul, true), (after.FaultId, after.Fired, after.Calls > 1));
        Assert.Equal(new FaultAttributes { Point = "fail_page_alloc", Probability = 100, Times = 1 }, after.Attributes);
        Assert.Empty((await Faults.ListFaultsAsync(new() { NeverFired = true })).Faults);
    }

    [Fact]
    public async Task InjectFault_WithAnErrno_IsWhatTheCallReports()
    {
        await Faults.InjectFaultAsync(new() { Attributes = new() { Point = "fail_decrypt", Errno = 16 } });
        RpcException e = await FailsAsync(Host.Guests().AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 1 }));
        Assert.Equal("EBUSY", Failures.InfoOf(e).Reason);
    }

    [Theory]
    [InlineData("pvalidate_size_mismatch", "another size")]
    [InlineData("pvalidate_no_change", "no change")]
    public async Task InjectFault_IntoPvalidate_EndsTheGuestWithSetOneCodeTwo(string point, string why)
    {
        await Faults.InjectFaultAsync(new() { Attributes = new() { Point = point, Times = 1 } });
        RpcException e = await FailsAsync(Host.Guests().AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 1 }));
        string state = (await new HostService.HostServiceClient(Host.Unix()).GetGuestAsync(new())).Guest.State;
        Assert.Equal("EOWNERDEAD", Failures.InfoOf(e).Reason);
        Assert.Contains("reason set 1, code 2", state, StringComparison.Ordinal);
        Assert.Contains(why, state, StringComparison.Ordinal);
        Assert.Equal((1ul, point), Fired(Assert.Single((await Faults.ListFaultsAsync(new())).Faults)));
    }

    [Fact]
    public async Task InjectFault_ReplayOfCiphertext_BringsOldTextBackOnSev()
    {
        await new HostService.HostServiceClient(Host.Unix()).CreateGuestAsync(new()
        {
            Shape = new() { Name = "sev", Platform = "sev", Kernel = "7.2", MemoryBytes = 96UL << 20, Swiotlb = "2048" },
        });
        GuestService.GuestServiceClient client = Host.Guests();
        int fd = (await client.AllocateBufferAsync(new() { Guest = "sev", Heap = "system", Len = 1 })).Fd;
        ulong address = (await client.MmapAsync(new() { Guest = "sev", Fd = fd })).Address;
        await client.StoreAsync(new() { Guest = "sev", Address = address, Data = ByteString.CopyFromUtf8("old") });
        await Faults.InjectFaultAsync(new() { Guest = "sev", Attributes = new() { Point = "replay_ciphertext", Times = 1 } });
        await client.StoreAsync(new() { Guest = "sev", Address = address, Data = ByteString.CopyFromUtf8("new") });
        ByteString seen = (await client.LoadAsync(new() { Guest = "sev", Address = address, Length = 3 })).Data;
        Assert.Equal("old", seen.ToStringUtf8());
        Assert.Equal((1ul, "replay_ciphertext"), Fired(Assert.Single((await Faults.ListFaultsAsync(new() { Guest = "sev" })).Faults)));
    }

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public async Task InjectFault_WithAWrongAttribute_NamesItAndArmsNothing(FaultAttributes attributes, string field)
    {
        RpcException e = await FailsAsync(Faults.InjectFaultAsync(new() { Attributes = attributes }));
        ErrorInfo info = Failures.InfoOf(e);
        Assert.Equal((StatusCode.InvalidArgument, "EINVAL", field), (e.StatusCode, info.Reason, info.Metadata["field"]));
        Assert.Empty((await Faults.ListFaultsAsync(new())).Faults);
    }

    [Fact]
    public async Task ClearFaults_OneThenAll_LeavesTheOthersThenNone()
    {
        ulong first = (await Faults.InjectFaultAsync(new() { Attributes = new() { Point = "fail_fd" } })).FaultId;
        ulong second = (await Faults.InjectFaultAsync(new() { Attributes = new() { Point = "failslab" } })).FaultId;
        await Faults.ClearFaultsAsync(new() { FaultId = first });
        Assert.Equal(second, Assert.Single((await Faults.ListFaultsAsync(new())).Faults).FaultId);
        await Faults.ClearFaultsAsync(new());
        Assert.Empty((await Faults.ListFaultsAsync(new())).Faults);
        RpcException e = await FailsAsync(Faults.ClearFaultsAsync(new() { FaultId = first }));
        Assert.Equal((StatusCode.NotFound, "fault_id"), (e.StatusCode, Failures.InfoOf(e).Metadata["field"]));
        await AllocateAsync();
    }

    [Fact]
    public async Task SetFailNth_OfAProcess_HitsItOnceAndNoOther()
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Unix());
        await Faults.SetFailNthAsync(new() { Process = process.Handle, N = 1 });
        await AllocateAsync();
        GetFailNthResponse before = await Faults.GetFailNthAsync(new() { Process = process.Handle });
        RpcException e = await FailsAsync(process.Client.AllocateBufferAsync(new() { Process = process.Handle, Heap = "system", Len = 1 }));
        await process.Client.AllocateBufferAsync(new() { Process = process.Handle, Heap = "system", Len = 1 });
        GetFailNthResponse after = await Faults.GetFailNthAsync(new() { Process = process.Handle });
        Assert.Equal((1u, 0ul, "ENOMEM"), (before.Left, before.Hits, Failures.InfoOf(e).Reason));
        Assert.Equal((0u, 1ul), (after.Left, after.Hits));
    }

    [Fact]
    public async Task SetFailNth_OfNoProcess_NamesTheField()
    {
        RpcException e = await FailsAsync(Faults.SetFailNthAsync(new() { Process = "0123456789abcdef0123456789abcdef", N = 1 }));
        Assert.Equal((StatusCode.NotFound, "process"), (e.StatusCode, Failures.InfoOf(e).Metadata["field"]));
    }

    private static (ulong Fired, string Point) Fired(InjectedFault fault) => (fault.Fired, fault.Attributes.Point);

    private AsyncUnaryCall<AllocateBufferResponse> AllocateAsync() => Host.Guests().AllocateBufferAsync(new() { Heap = "system", Len = 1 });
}
