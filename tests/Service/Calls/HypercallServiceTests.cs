using CocoGuest.Machine.PageState.Wire;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>Raw page-state calls by gRPC: the platform's own codes come back, and the host's tables follow.</summary>
public sealed class HypercallServiceTests : ServerTest
{
    private const ulong Page = 4096;
    private const ulong Start = 64UL << 20;
    private const ulong SharedBit = 1UL << 51;

    private HypercallService.HypercallServiceClient Calls => field ??= new(Host.Unix());

    private HypervisorService.HypervisorServiceClient Hypervisor => field ??= new(Host.Unix());

    [Fact]
    [Statement("S-SEV-05")]
    public async Task MapGpaRange_OnSev_AnswersAsKvm()
    {
        string guest = await GuestAsync("sev");
        Assert.Equal(0, (await Calls.MapGpaRangeAsync(new() { Guest = guest, Address = Start, Pages = 1 })).Result);
        Assert.Equal(-22, (await Calls.MapGpaRangeAsync(new() { Guest = guest, Address = Start + 1, Pages = 1 })).Result);
    }

    [Fact]
    [Statement("S-SNP-21")]
    [Statement("S-SNP-26")]
    [Statement("S-SNP-38")]
    public async Task PageStateChange_ByPageAndMsr_WritesItsWordsBack()
    {
        ulong header = new PscHeader(0, 0, 0).Encode();
        ulong entry = new PscEntry(0, Start / Page, PscOperation.Shared, Machine.PageState.MappingSize.Size4K).Encode();

        PageStateChangeResponse change = await Calls.PageStateChangeAsync(new() { Words = { header, entry } });

        Assert.Equal((0ul, 1), (change.ExitInfo2, PscHeader.Decode(change.Words[0]).CurrentEntry));
        Assert.Equal("HYPERVISOR", await HostStateAsync("", Start));
        ulong back = PscMsr.EncodeRequest(Start / Page, PscOperation.Private);
        Assert.Equal(0x15ul, (await Calls.PageStateChangeMsrAsync(new() { Msr = back })).Msr);
        Assert.Equal("GUEST_INVALID", await HostStateAsync("", Start));
        Assert.Equal((0u, false), Of(await Calls.PvalidateAsync(new() { Address = Start, Validate = true })));
        Assert.Equal("GUEST_VALID", await HostStateAsync("", Start));
        Assert.Equal((0u, true), Of(await Calls.PvalidateAsync(new() { Address = Start, Validate = true })));
        Assert.Equal((6u, false), Of(await Calls.PvalidateAsync(new() { Address = Start, Large = true })));
    }

    [Fact]
    [Statement("S-SNP-03")]
    [Statement("S-SNP-05")]
    public async Task RmpUpdateAndPsmash_OfALargeEntry_AnswerTheInstructionsCodes()
    {
        Assert.Equal(4u, (await Hypervisor.RmpUpdateAsync(new() { Address = Start + Page })).Code);
        Assert.Equal(0u, (await Hypervisor.PsmashAsync(new() { Address = Start })).Code);
        Assert.Equal(0u, (await Hypervisor.RmpUpdateAsync(new() { Address = Start + Page })).Code);
        Assert.Equal("HYPERVISOR", await HostStateAsync("", Start + Page));
        RpcException e = await FailsAsync(Hypervisor.RmpUpdateAsync(new() { Address = Start + 1 }));
        Assert.Equal(("EINVAL", "address"), (Failures.InfoOf(e).Reason, Failures.InfoOf(e).Metadata["field"]));
        e = await FailsAsync(Hypervisor.PsmashAsync(new() { Guest = await GuestAsync("tdx"), Address = Start }));
        Assert.Equal("ENODEV", Failures.InfoOf(e).Reason);
    }

    [Fact]
    [Statement("S-TDX-03")]
    [Statement("S-TDX-08")]
    [Statement("S-TDX-15")]
    public async Task MapGpaAndAccept_WithAVmmThatRetries_GoOnFromR11()
    {
        string guest = await GuestAsync("tdx");
        await Hypervisor.SetHypervisorPolicyAsync(new() { Guest = guest, Policy = new HypervisorPolicy { EventPending = true } });
        ulong start = Start | SharedBit;

        MapGpaResponse part = await Calls.MapGpaAsync(new() { Guest = guest, Start = start, Size = 4 << 20 });

        Assert.Equal((1ul, start + (2 << 20)), (part.R10, part.R11));
        Assert.Equal(0ul, (await Calls.MapGpaAsync(new() { Guest = guest, Start = part.R11, Size = 2 << 20 })).R10);
        Assert.Equal(0xC0000B01ul << 32, (await Calls.AcceptPageAsync(new() { Guest = guest, Rcx = Start })).Rax);
        Assert.Equal(0ul, (await Calls.MapGpaAsync(new() { Guest = guest, Start = Start, Size = Page })).R10);
        Assert.Equal("PENDING", await HostStateAsync(guest, Start));
        Assert.Equal(0ul, (await Calls.AcceptPageAsync(new() { Guest = guest, Rcx = Start })).Rax);
        Assert.Equal("MAPPED", await HostStateAsync(guest, Start));
    }

    [Fact]
    [Statement("S-CCA-03")]
    public async Task SetIpaState_InARealm_TellsHowFarItCame()
    {
        string guest = await GuestAsync("cca");
        SetIpaStateResponse empty = await Calls.SetIpaStateAsync(new() { Guest = guest, Base = Start, Top = Start + (2 * Page) });
        Assert.Equal((Start + (2 * Page), false, "EMPTY"), (empty.Top, empty.Rejected, await HostStateAsync(guest, Start)));
        await Hypervisor.SetHypervisorPolicyAsync(
            new() { Guest = guest, Policy = new HypervisorPolicy { Conduct = HypervisorConduct.Refuse } });
        SetIpaStateResponse refused = await Calls.SetIpaStateAsync(new() { Guest = guest, Base = Start, Top = Start + Page, State = 1 });
        Assert.Equal((Start, true), (refused.Top, refused.Rejected));
    }

    [Fact]
    [Statement("S-S390-01")]
    public async Task SharePages_OnS390_TellsPagesDone()
    {
        string guest = await GuestAsync("s390");
        Assert.Equal(2ul, (await Calls.SharePagesAsync(new() { Guest = guest, Address = Start, Pages = 2 })).PagesDone);
        await Hypervisor.SetHypervisorPolicyAsync(
            new() { Guest = guest, Policy = new HypervisorPolicy { Conduct = HypervisorConduct.Refuse } });
        Assert.Equal(0ul, (await Calls.SharePagesAsync(
            new() { Guest = guest, Address = Start, Pages = 2, Direction = ConversionDirection.ToPrivate })).PagesDone);
    }

    [Theory]
    [InlineData("hypercall on snp", "EOPNOTSUPP", "guest")]
    [InlineData("too many words", "EINVAL", "words")]
    [InlineData("validate a shared page", "EFAULT", "address")]
    [InlineData("share direction", "EINVAL", "direction")]
    [InlineData("ipa range", "EINVAL", "length")]
    public async Task WrongCall_NamesItsField(string what, string errno, string field)
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(what));
        Google.Rpc.ErrorInfo info = Failures.InfoOf(e);
        Assert.Equal((errno, field), (info.Reason, info.Metadata["field"]));
    }

    private async Task CallAsync(string what)
    {
        switch (what)
        {
            case "hypercall on snp": await Calls.MapGpaRangeAsync(new() { Address = Start, Pages = 1 }); break;
            case "too many words": await Calls.PageStateChangeAsync(new() { Words = { new ulong[255] } }); break;
            case "validate a shared page":
                await Hypervisor.RmpUpdateAsync(new() { Address = Start, Large = true });
                await Calls.PvalidateAsync(new() { Address = Start });
                break;
            case "share direction":
                await Calls.SharePagesAsync(new() { Address = Start, Pages = 1, Direction = (ConversionDirection)3 });
                break;
            case "ipa range": await Calls.SetIpaStateAsync(new() { Guest = await GuestAsync("cca"), Base = Start, Top = Start }); break;
            default: throw new ArgumentOutOfRangeException(nameof(what), what, null);
        }
    }

    private static (uint Code, bool NoChange) Of(PvalidateResponse response) => (response.Code, response.NoChange);

    private async Task<string> HostStateAsync(string guest, ulong address) =>
        (await Hypervisor.GetPageStatesAsync(new() { Guest = guest, Address = address, Length = Page })).Runs[0].HostState;

    private async Task<string> GuestAsync(string platform)
    {
        string kernel = platform == "s390" ? "7.3" : "7.2";
        await new HostService.HostServiceClient(Host.Unix()).CreateGuestAsync(new()
        {
            Shape = new V1.GuestShape
            {
                Name = platform,
                Platform = platform,
                Kernel = kernel,
                MemoryBytes = 256UL << 20,
                Swiotlb = "2048",
            },
        });
        return platform;
    }
}
