using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Google.Rpc;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>Conversions over gRPC: by address and by fd, under a VMM that does not obey, and half-way failures as outcomes.</summary>
public sealed class ConversionCallsTests : ServerTest
{
    private ConversionService.ConversionServiceClient Conversions => new(Host.Unix());

    private HypervisorService.HypervisorServiceClient Hypervisor => new(Host.Unix());

    public static TheoryData<ConvertPagesRequest, string> Wrong => new()
    {
        { new() { Pages = 1, Direction = (ConversionDirection)2 }, "direction" },
        { new() { Pages = 1, Cpu = 4096 }, "cpu" },
        { new() { Pages = 1ul << 60 }, "pages" },
    };

    [Fact]
    [Statement("S-SETM-32")]
    public async Task ConvertBuffer_OfABufferThatADeviceMaps_IsSharedAndCountsTheStaleMapping()
    {
        StatBufferResponse buffer = await AllocateAsync(16384);
        AttachResponse attached = await Host.Guests().AttachAsync(new() { Fd = _fd });
        await Host.Guests().MapDmaBufAsync(new() { Attachment = attached.Attachment });
        ConversionOutcome outcome = (await Conversions.ConvertBufferAsync(new() { Fd = _fd })).Outcome;
        Assert.Equal(("", 0u, (uint)buffer.Chunks.Count, 4ul, 1u),
            (outcome.Errno, outcome.ErrnoNumber, outcome.Calls, outcome.SharedPages, outcome.StaleDeviceMappings));
        Assert.Equal((outcome.Calls, 4ul), (outcome.Cost.ToShared, outcome.Cost.PagesToShared));
        Assert.Equal(["shared"], await StatesAsync(buffer));
    }

    [Fact]
    public async Task ConvertPages_ThereAndBack_ChangesTheStates()
    {
        StatBufferResponse buffer = await AllocateAsync(4096);
        ulong address = buffer.Chunks[0].GuestPhysicalAddress;
        ConversionOutcome there = (await Conversions.ConvertPagesAsync(new() { Address = address, Pages = 1 })).Outcome;
        string[] shared = await StatesAsync(buffer);
        ConversionOutcome back = (await Conversions.ConvertPagesAsync(
            new() { Address = address, Pages = 1, Direction = ConversionDirection.ToPrivate })).Outcome;
        Assert.Equal((1ul, 0ul), (there.SharedPages, back.SharedPages));
        Assert.Equal(["shared", "private"], [.. shared, .. await StatesAsync(buffer)]);
    }

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public async Task ConvertPages_WithAWrongField_NamesIt(ConvertPagesRequest request, string field)
    {
        RpcException e = await FailsAsync(Conversions.ConvertPagesAsync(request));
        ErrorInfo info = Failures.InfoOf(e);
        Assert.Equal((StatusCode.InvalidArgument, "EINVAL", field), (e.StatusCode, info.Reason, info.Metadata["field"]));
    }

    [Fact]
    public async Task ConvertBuffer_WithAWrongField_NamesIt()
    {
        await AllocateAsync(8192);
        Assert.Equal("offset", FieldOf(await FailsAsync(Conversions.ConvertBufferAsync(new() { Fd = _fd, Offset = 1 }))));
        Assert.Equal("fd", FieldOf(await FailsAsync(Conversions.ConvertBufferAsync(new() { Fd = 77 }))));
        Assert.Equal(
            "direction", FieldOf(await FailsAsync(Conversions.ConvertBufferAsync(new() { Fd = _fd, Direction = (ConversionDirection)9 }))));
    }

    [Fact]
    public async Task ConvertPages_UnderAFault_SaysInTheOutcomeWhatFailed()
    {
        StatBufferResponse buffer = await AllocateAsync(4096);
        await new FaultService.FaultServiceClient(Host.Unix()).InjectFaultAsync(new() { Attributes = new() { Point = "fail_decrypt" } });
        ConversionOutcome outcome = (await Conversions.ConvertBufferAsync(new() { Fd = _fd })).Outcome;
        Assert.Equal(("EIO", 5u, 0ul), (outcome.Errno, outcome.ErrnoNumber, outcome.SharedPages));
        Assert.EndsWith(".", outcome.Sentence, StringComparison.Ordinal);
        Assert.Equal(["private"], await StatesAsync(buffer));
    }

    [Fact]
    public async Task SetHypervisorPolicy_ThatRefuses_IsReadBackAndEndsAnSnpGuest()
    {
        var policy = new HypervisorPolicy { Conduct = HypervisorConduct.Refuse, Only = ConversionDirection.ToShared, After = 1 };
        await Hypervisor.SetHypervisorPolicyAsync(new() { Policy = policy });
        HypervisorPolicy read = (await Hypervisor.GetHypervisorPolicyAsync(new())).Policy;
        Assert.Equal(
            new HypervisorPolicy(policy) { Times = ulong.MaxValue, MapGpaRangeExits = true, DiscardsOldBacking = true }, read);
        await AllocateAsync(4096);
        Assert.Equal("", (await Conversions.ConvertBufferAsync(new() { Fd = _fd })).Outcome.Errno);
        await Conversions.ConvertBufferAsync(new() { Fd = _fd, Direction = ConversionDirection.ToPrivate });
        await Conversions.ConvertBufferAsync(new() { Fd = _fd });
        GuestInfo guest = (await new HostService.HostServiceClient(Host.Unix()).GetGuestAsync(new())).Guest;
        Assert.StartsWith("terminated: reason set 1, code 1", guest.State, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SetHypervisorPolicy_WithAWrongField_NamesItAndKeepsTheOldOne()
    {
        await Hypervisor.SetHypervisorPolicyAsync(new() { Policy = new() { NanosecondsPerExit = 7 } });
        Assert.Equal("pages", FieldOf(await FailsAsync(Hypervisor.SetHypervisorPolicyAsync(new() { Policy = new() { Pages = 1 } }))));
        Assert.Equal("conduct", FieldOf(await FailsAsync(Hypervisor.SetHypervisorPolicyAsync(
            new() { Policy = new() { Conduct = (HypervisorConduct)6 } }))));
        Assert.Equal("only", FieldOf(await FailsAsync(Hypervisor.SetHypervisorPolicyAsync(
            new() { Policy = new() { Only = (ConversionDirection)2 } }))));
        Assert.Equal(7ul, (await Hypervisor.GetHypervisorPolicyAsync(new())).Policy.NanosecondsPerExit);
    }

    private int _fd;

    private static string FieldOf(RpcException e) => Failures.InfoOf(e).Metadata["field"];

    private async Task<StatBufferResponse> AllocateAsync(ulong bytes)
    {
        _fd = (await Host.Guests().AllocateBufferAsync(new() { Heap = "system", Len = bytes })).Fd;
        return await Host.Guests().StatBufferAsync(new() { Fd = _fd });
    }

    private async Task<string[]> StatesAsync(StatBufferResponse buffer)
    {
        List<string> states = [];
        foreach (Chunk chunk in buffer.Chunks)
        {
            GetPageStatesResponse answer = await Hypervisor.GetPageStatesAsync(
                new() { Address = chunk.GuestPhysicalAddress, Length = chunk.Length });
            states.AddRange(answer.Runs.Select(r => r.GuestState));
        }

        return [.. states.Distinct()];
    }
}
