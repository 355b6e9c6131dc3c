using CocoGuest.Machine.Host;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Wire;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Platforms;

/// <summary>Raw conversion calls as KVM takes them, right and wrong ones.</summary>
public sealed class HypercallTests
{
    private const ulong Frame = 0x4000;
    private const ulong SharedBit = 1UL << 51;
    private const ulong Start = Frame << 12;

    [Theory]
    [InlineData(Start, 4UL, 0UL, 0L)]
    [InlineData(Start + 8, 4UL, 0UL, -22L)]
    [InlineData(Start, 0UL, 0UL, -22L)]
    [InlineData(Start, ulong.MaxValue, 0UL, -22L)]
    [InlineData(1UL << 60, 1UL, 0x10UL, -22L)]
    [Statement("S-SEV-03", "S-SEV-04", "S-SEV-05")]
    public void MapGpaRange_OnSev_ChecksAsKvm(ulong address, ulong pages, ulong attributes, long expected)
    {
        using var test = new PlatformGuest(Platform.Sev);

        Assert.Equal(expected, test.Guest.Hypercalls.MapGpaRange(address, pages, attributes).Value);
    }

    [Fact]
    [Statement("S-SEV-05", "S-SNP-38", "S-SNP-26", "S-TDX-03", "S-TDX-15")]
    public void AnyCall_ExitsNotEnabled_HasItsError()
    {
        foreach (Platform platform in new[] { Platform.Sev, Platform.SevSnp, Platform.Tdx })
        {
            using var test = new PlatformGuest(platform);
            Assert.Null(test.Guest.Vmm.SetPolicy(new HypervisorPolicy { MapGpaRangeExits = false }));
            GuestHypercalls calls = test.Guest.Hypercalls;

            Assert.Equal(platform == Platform.Sev, calls.MapGpaRange(Start, 1, 0) is { Ok: true, Value: -1000 });
            Assert.Equal(platform == Platform.SevSnp, calls.PageStateChange([0, 0]) is { Ok: true, Value: 0x100UL << 32 });
            Assert.Equal(platform == Platform.SevSnp, calls.PageStateChangeMsr(0x14) is { Ok: true, Value: 0x8000000000000015 });
            Assert.Equal(platform == Platform.Tdx, calls.MapGpa(Start, 4096) is { Ok: true, Value: (0x8000000000000003, Start) });
        }
    }

    [Theory]
    [InlineData(HypervisorConduct.Retry, -11L)]
    [InlineData(HypervisorConduct.Refuse, -22L)]
    [Statement("S-SEV-05")]
    public void MapGpaRange_VmmAnswers_IsPassedOn(HypervisorConduct conduct, long expected)
    {
        using var test = new PlatformGuest(Platform.Sev);
        Assert.Null(test.Guest.Vmm.SetPolicy(new HypervisorPolicy { Conduct = conduct }));

        Assert.Equal(expected, test.Guest.Hypercalls.MapGpaRange(Start, 1, 0).Value);
    }

    [Fact]
    [Statement("S-SNP-21", "S-SNP-38", "S-SNP-32")]
    public void PageStateChange_NeighbouringEntries_AreMergedAndWrittenBack()
    {
        using var test = new PlatformGuest(Platform.SevSnp);
        ulong[] words = Buffer(
            Entry(Frame, PscOperation.Shared), Entry(Frame + 1, PscOperation.Shared), Entry(Frame + 3, PscOperation.Shared),
            Entry(Frame + 4, PscOperation.Private), Entry(Frame + 5, (PscOperation)3));

        Assert.Equal(0UL, test.Guest.Hypercalls.PageStateChange(words).Value);

        Assert.Equal(5, PscHeader.Decode(words[0]).CurrentEntry);
        Assert.All(words.Skip(1), word => Assert.Equal(1, PscEntry.Decode(word).CurrentPage));
        Assert.Equal(
            [true, true, false, true, false, false],
            Enumerable.Range((int)Frame, 6).Select(f => test.Guest.Pages.IsShared((ulong)f)));
        Assert.Equal([(Frame, 2UL), (Frame + 3, 1UL)], test.Changes.Select(c => (c.Range.First, c.Range.Count)));
        Assert.Equal(PageCondition.Private, test.Guest.Pages.ConditionOf(Frame + 4));
    }

    [Theory]
    [InlineData(0, 4, (1UL << 32) | 1)]
    [InlineData(0, 253, (1UL << 32) | 1)]
    [InlineData(4, 3, 0UL)]
    [Statement("S-SNP-22", "S-SNP-38")]
    public void PageStateChange_HeaderByRoom_IsCheckedFirst(int current, int end, ulong expected)
    {
        using var test = new PlatformGuest(Platform.SevSnp);
        ulong[] words = new ulong[end == 253 ? 300 : 5];
        words[0] = new PscHeader((ushort)current, (ushort)end, 0).Encode();

        Assert.Equal(expected, test.Guest.Hypercalls.PageStateChange(words).Value);
        Assert.Empty(test.Changes);
    }

    [Theory]
    [InlineData(2, Frame, MappingSize.Size4K)]
    [InlineData(513, Frame, MappingSize.Size2M)]
    [InlineData(0, Frame + 1, MappingSize.Size2M)]
    [Statement("S-SNP-38")]
    public void PageStateChange_WrongEntry_StopsBehindTheOnesDone(int currentPage, ulong frame, MappingSize size)
    {
        using var test = new PlatformGuest(Platform.SevSnp);
        ulong[] words = Buffer(
            Entry(Frame + 600, PscOperation.Shared), new PscEntry((ushort)currentPage, frame, PscOperation.Shared, size).Encode());

        Assert.Equal((1UL << 32) | 2, test.Guest.Hypercalls.PageStateChange(words).Value);

        Assert.Equal(1, PscHeader.Decode(words[0]).CurrentEntry);
        Assert.True(test.Guest.Pages.IsShared(Frame + 600) && !test.Guest.Pages.IsShared(Frame));
    }

    [Fact]
    [Statement("S-SNP-38", "S-SNP-31")]
    public void PageStateChange_PartlyDone2M_GoesOnWithTheRest()
    {
        using var test = new PlatformGuest(Platform.SevSnp);
        ulong[] words = Buffer(new PscEntry(500, Frame, PscOperation.Shared, MappingSize.Size2M).Encode());

        Assert.Equal(0UL, test.Guest.Hypercalls.PageStateChange(words).Value);

        Assert.Equal((false, true), (test.Guest.Pages.IsShared(Frame + 499), test.Guest.Pages.IsShared(Frame + 500)));
        Assert.Equal(MappingSize.Size4K, test.Guest.Pages.Describe(Frame).Rmp!.Value.Size);
    }

    [Fact]
    [Statement("S-SNP-38")]
    public void PageStateChange_VmmRefuses_IsGenericAndStaysAtTheEntry()
    {
        using var test = new PlatformGuest(Platform.SevSnp);
        Assert.Null(test.Guest.Vmm.SetPolicy(new HypervisorPolicy { Conduct = HypervisorConduct.Refuse, After = 1 }));
        ulong[] words = Buffer(Entry(Frame, PscOperation.Shared), Entry(Frame + 9, PscOperation.Shared));

        Assert.Equal(0x100UL << 32, test.Guest.Hypercalls.PageStateChange(words).Value);

        Assert.Equal((1, 0), (PscHeader.Decode(words[0]).CurrentEntry, PscEntry.Decode(words[2]).CurrentPage));
    }

    [Theory]
    [InlineData(0x0020000004000014UL, 0x15UL, true)]
    [InlineData(0x0010000004000014UL, 0x15UL, false)]
    [InlineData(0x0030000004000014UL, 0x8000000000000015UL, false)]
    [InlineData(0x0020fffffffff014UL, 0x8000000000000015UL, false)]
    [Statement("S-SNP-26", "S-VEC-31")]
    public void PageStateChangeMsr_ByOperation_AnswersAsKvm(ulong request, ulong response, bool shared)
    {
        using var test = new PlatformGuest(Platform.SevSnp);

        Assert.Equal(response, test.Guest.Hypercalls.PageStateChangeMsr(request).Value);
        Assert.Equal(shared, test.Guest.Pages.IsShared(Frame));
    }

    [Theory]
    [InlineData(Start | SharedBit, 8192UL, 0UL, 0UL)]
    [InlineData(Start | SharedBit, 0UL, 0x8000000000000000UL, Start | SharedBit)]
    [InlineData(Start, SharedBit, 0x8000000000000000UL, Start)]
    [InlineData(Start, ulong.MaxValue, 0x8000000000000000UL, Start)]
    [InlineData(Start + 1, 4096UL, 0x8000000000000002UL, Start + 1)]
    [InlineData(Start, 100UL, 0x8000000000000002UL, Start)]
    [Statement("S-TDX-01", "S-TDX-02", "S-TDX-03", "S-TDX-15")]
    public void MapGpa_Registers_AreCheckedAsKvm(ulong r12, ulong r13, ulong r10, ulong r11)
    {
        using var test = new PlatformGuest(Platform.Tdx);

        Assert.Equal((r10, r11), test.Guest.Hypercalls.MapGpa(r12, r13).Value);
        Assert.Equal(r10 == 0, test.Guest.Pages.IsShared(Frame + 1));
    }

    [Fact]
    [Statement("S-TDX-03", "S-TDX-15")]
    public void MapGpa_EventOrRetry_GivesTheAddressToGoOnFrom()
    {
        using var test = new PlatformGuest(Platform.Tdx);
        Assert.Null(test.Guest.Vmm.SetPolicy(new HypervisorPolicy { EventPending = true }));
        Assert.Equal((1UL, (Start | SharedBit) + (2UL << 20)), test.Guest.Hypercalls.MapGpa(Start | SharedBit, 5UL << 20).Value);

        Assert.Null(test.Guest.Vmm.SetPolicy(new HypervisorPolicy { Conduct = HypervisorConduct.Retry, After = 1 }));
        Assert.Equal((1UL, Start + (2UL << 20)), test.Guest.Hypercalls.MapGpa(Start, 5UL << 20).Value);
        Assert.Equal(PageCondition.PrivateUnvalidated, test.Guest.Pages.ConditionOf(Frame));
    }

    [Theory]
    [InlineData(KernelVersion.V612)]
    [InlineData(KernelVersion.V72)]
    [InlineData(KernelVersion.V73)]
    [Statement("S-SETM-01", "S-SETM-45", "S-SNP-39", "S-SNP-40", "S-SNP-28")]
    public void Convert_OnEachKernel_CostsTheSame(KernelVersion kernel)
    {
        using var test = new PlatformGuest(Platform.SevSnp, kernel);

        ConversionCounters cost = test.Guest.Conversions.Convert(Start, 65, ConversionDirection.ToShared, 0).Value.Cost;

        // Two batches, one PSMASH of the 2 MiB entry met, splits of the direct map down to 4K.
        Assert.Equal(
            (2UL, 65UL, 1UL, 2UL, 65UL),
            (cost.PscBatches, cost.Pvalidates, cost.RmpSplits, cost.HypervisorExits, cost.PagesToShared));
    }

    private static ulong Entry(ulong frame, PscOperation operation) => new PscEntry(0, frame, operation, MappingSize.Size4K).Encode();

    private static ulong[] Buffer(params ulong[] entries) =>
        [new PscHeader(0, (ushort)(entries.Length - 1), 0).Encode(), .. entries];
}
