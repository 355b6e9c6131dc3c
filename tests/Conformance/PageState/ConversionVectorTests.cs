using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Trackers;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Conformance.PageState;

public class ConversionVectorTests
{
    private static readonly FrameRange Chunk1M = new(0x1100, 256);

    [Fact]
    [Statement("S-VEC-34", "S-SNP-23", "S-SNP-38")]
    public void ToShared_1MiBOnSnp_Is256EntriesIn4BatchesOfOneExit()
    {
        RecordingVmm vmm = new();
        IPageStateTracker tracker = Create(Platform.SevSnp, vmm);
        Assert.Null(tracker.ConvertToShared(Chunk1M));

        Assert.Equal(4UL, tracker.Counters.PscBatches);
        Assert.Equal(256UL, tracker.Counters.Pvalidates);
        Assert.Equal(4UL, tracker.Counters.HypervisorExits);
        Assert.Equal(1UL, tracker.Counters.RmpSplits);
        Assert.Equal([64UL, 64UL, 64UL, 64UL], vmm.Exits.Select(exit => exit.Range.Count));
        Assert.All(vmm.Exits, exit => Assert.Equal(MappingSize.Size4K, exit.Size));
    }

    [Fact]
    [Statement("S-VEC-34")]
    public void ToShared_64KiBOnSnp_IsOneBatchOf16()
    {
        RecordingVmm vmm = new();
        IPageStateTracker tracker = Create(Platform.SevSnp, vmm);
        Assert.Null(tracker.ConvertToShared(new FrameRange(0x1110, 16)));
        Assert.Equal(1UL, tracker.Counters.PscBatches);
        Assert.Equal(16UL, Assert.Single(vmm.Exits).Range.Count);
    }

    [Fact]
    [Statement("S-VEC-34", "S-TDX-02", "S-TDX-15")]
    public void ToShared_1MiBOnTdx_IsOneMapGpaOf1MiB()
    {
        RecordingVmm vmm = new();
        IPageStateTracker tracker = Create(Platform.Tdx, vmm);
        Assert.Null(tracker.ConvertToShared(Chunk1M));
        Assert.Equal(1UL, tracker.Counters.MapGpaCalls);
        Assert.Equal(0x100000UL, Assert.Single(vmm.Exits).Range.Bytes);
        Assert.Equal(0UL, tracker.Counters.AcceptCalls);
        Assert.Equal(1UL, tracker.Counters.SeptSplits);
    }

    [Fact]
    [Statement("S-VEC-34", "S-TDX-06", "S-TDX-09")]
    public void ToPrivate_1MiBBackOnTdx_IsOneMapGpaAnd256Accepts()
    {
        IPageStateTracker tracker = Create(Platform.Tdx, new RecordingVmm());
        Assert.Null(tracker.ConvertToShared(Chunk1M));
        Assert.Null(tracker.ConvertToPrivate(Chunk1M));
        Assert.Equal(2UL, tracker.Counters.MapGpaCalls);
        Assert.Equal(256UL, tracker.Counters.AcceptCalls);
        Assert.Equal(256UL, tracker.Counters.PagesAccepted);
    }

    [Fact]
    [Statement("S-VEC-34", "S-SETM-25")]
    public void ToShared_1MiBOnSev_Is256HypercallsOfOnePage()
    {
        RecordingVmm vmm = new();
        IPageStateTracker tracker = Create(Platform.Sev, vmm);
        Assert.Null(tracker.ConvertToShared(Chunk1M));
        Assert.Equal(256UL, tracker.Counters.HypervisorExits);
        Assert.Equal(new VmmExit(Chunk1M, ConversionDirection.ToShared, MappingSize.Size4K, 256), Assert.Single(vmm.Exits));
    }

    [Fact]
    [Statement("S-SETM-25")]
    public void ToShared_Whole2MiBEntryOnSev_IsOneHypercallOf512PagesWith4KAttribute()
    {
        RecordingVmm vmm = new();
        IPageStateTracker tracker = Create(Platform.Sev, vmm);
        FrameRange range = new(0x1200, 512);
        Assert.Null(tracker.ConvertToShared(range));
        Assert.Equal(1UL, tracker.Counters.HypervisorExits);
        Assert.Equal(new VmmExit(range, ConversionDirection.ToShared, MappingSize.Size4K, 1), Assert.Single(vmm.Exits));
    }

    [Fact]
    [Statement("S-VEC-35", "S-SNP-23")]
    public void ToShared_Aligned4MiBOnSnp_IsTwo2MiBEntriesInOneBatch()
    {
        RecordingVmm vmm = new();
        IPageStateTracker tracker = Create(Platform.SevSnp, vmm);
        Assert.Null(tracker.ConvertToShared(new FrameRange(0x1200, 1024)));
        Assert.Equal(1UL, tracker.Counters.PscBatches);
        Assert.Equal(2UL, tracker.Counters.Pvalidates);
        Assert.Equal(0UL, tracker.Counters.PvalidateSizeMismatches);
        Assert.Equal(0UL, tracker.Counters.RmpSplits);
        VmmExit exit = Assert.Single(vmm.Exits);
        Assert.Equal((1024UL, MappingSize.Size2M), (exit.Range.Count, exit.Size));
    }

    [Fact]
    [Statement("S-VEC-35", "S-SNP-11", "S-SNP-10")]
    public void ToShared_Aligned4MiBOver4KEntriesOnSnp_FallsBackTo512PvalidatesEach()
    {
        IPageStateTracker tracker = Create(Platform.SevSnp, new RecordingVmm());
        FrameRange one = new(0x1200, 1);
        FrameRange two = new(0x1400, 1);
        foreach (FrameRange smash in new[] { one, two })
        {
            Assert.Null(tracker.ConvertToShared(smash));
            Assert.Null(tracker.ConvertToPrivate(smash));
        }
        ConversionCounters before = tracker.Counters;
        Assert.Null(tracker.ConvertToShared(new FrameRange(0x1200, 1024)));
        Assert.Equal(1UL, tracker.Counters.PscBatches - before.PscBatches);
        Assert.Equal(2UL, tracker.Counters.PvalidateSizeMismatches);
        Assert.Equal(2UL * (1 + 512), tracker.Counters.Pvalidates - before.Pvalidates);
        Assert.Equal(2UL, tracker.Counters.RmpSplits);
    }

    [Fact]
    [Statement("S-SNP-23", "S-SNP-38")]
    public void ToShared_UnalignedAroundA2MiBEntryOnSnp_ExitsOncePerRunOfEqualSize()
    {
        RecordingVmm vmm = new();
        IPageStateTracker tracker = Create(Platform.SevSnp, vmm);
        Assert.Null(tracker.ConvertToShared(new FrameRange(0x1200 - 3, 3 + 512 + 2)));
        Assert.Equal(1UL, tracker.Counters.PscBatches);
        Assert.Equal(
            [(3UL, MappingSize.Size4K), (512UL, MappingSize.Size2M), (2UL, MappingSize.Size4K)],
            vmm.Exits.Select(exit => (exit.Range.Count, exit.Size)));
        Assert.Equal(2UL, tracker.Counters.RmpSplits);
    }

    private static IPageStateTracker Create(Platform platform, IHypervisor vmm) =>
        PageStateTrackers.Create(new PageStateOptions { Platform = platform, Frames = 0x4000, Hypervisor = vmm });

    private sealed class RecordingVmm : IHypervisor
    {
        public List<VmmExit> Exits { get; } = [];

        public bool MapGpaRangeExits => true;

        public bool DiscardsOldBacking => true;

        public bool EventPending => false;

        public VmmReply Convert(in VmmExit exit)
        {
            Exits.Add(exit);
            return VmmAnswer.Ok;
        }
    }
}
