using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Trackers;
using CocoGuest.Machine.Profiles;
using FsCheck;
using FsCheck.Fluent;

namespace CocoGuest.Tests.Machine.PageState;

/// <summary>Random conversions: tracker and <see cref="NaiveGuest"/> agree on every page, every counter and every errno.</summary>
public class NaiveModelProperties
{
    private const int Frames = (4 * 512) + 100;

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    [InlineData(Platform.SevEs)]
    [InlineData(Platform.SevSnpVtom)]
    [InlineData(Platform.CcaRealm)]
    [InlineData(Platform.S390)]
    [Statement("S-PLAT-01", "S-PLAT-04", "S-SETM-10", "S-SETM-25", "S-SNP-23", "S-SNP-38", "S-TDX-04", "S-TDX-06", "S-TDX-15",
        "S-CCA-03", "S-CCA-04", "S-SETM-43", "S-S390-01", "S-S390-02", "S-S390-03")]
    public void RandomConversions_TrackerAndNaiveModel_Agree(Platform platform) =>
        Prop.ForAll(Cases, seeds => Agree(platform, seeds, range => range)).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    [InlineData(Platform.SevEs)]
    [InlineData(Platform.SevSnpVtom)]
    [InlineData(Platform.CcaRealm)]
    [InlineData(Platform.S390)]
    public void RandomConversions_TrackerThatForgetsTheLastPage_IsCaught(Platform platform) =>
        Assert.ThrowsAny<Exception>(() =>
            Prop.ForAll(Cases, seeds => Agree(platform, seeds, range => range.Count < 600 ? range : range with { Count = range.Count - 1 }))
                .QuickCheckThrowOnFailure());

    private static Arbitrary<int[]> Cases => Gen.Choose(0, int.MaxValue - 1).ArrayOf().ToArbitrary();

    private static bool Agree(Platform platform, int[] seeds, Func<FrameRange, FrameRange> plant)
    {
        int key = seeds.Length == 0 ? 0 : seeds[0];
        VmmAnswer Answer(int exit) => (Mix(key + exit) % 64) switch
        {
            0 when !IsSev(platform) => VmmAnswer.Invalid,
            < 12 when platform is Platform.Tdx or Platform.CcaRealm => VmmAnswer.Again,
            _ => VmmAnswer.Ok,
        };
        bool Pending(int exit) => Mix(key - exit) % 5 == 0;

        NaiveGuest naive = new(platform, Frames, Answer, Pending);
        TestVmm vmm = new() { Answer = Answer, Pending = Pending };
        IPageStateTracker tracker = PageStateTrackers.Create(
            new PageStateOptions { Platform = platform, Frames = Frames, Hypervisor = vmm, Asid = 7 });
        ulong splits = 0;
        foreach (int seed in seeds)
        {
            if (naive.Terminated)
                break;
            (int first, int count, bool toShared) = Choose(naive, seed);
            FrameRange range = plant(new FrameRange((ulong)first, (ulong)count));
            Errno expected = naive.Convert(first, count, toShared);
            Failure? failure = toShared ? tracker.ConvertToShared(range) : tracker.ConvertToPrivate(range);
            if ((failure?.Errno ?? Errno.None) != expected || !SameCounters(naive, tracker.Counters, platform))
                return false;
            ulong now = tracker.Counters.RmpSplits + tracker.Counters.SeptSplits + tracker.Counters.DirectMapSplits;
            if (now < splits)
                return false;
            splits = now;
        }
        return naive.Terminated == tracker.Termination is not null && SamePages(naive, tracker, platform);
    }

    // Mostly conversions that make sense: the opposite of what the first page is, over pages that are the same, at times whole 2 MiB
    // entries; one in eight is anything, so that double conversions happen.
    private static (int First, int Count, bool ToShared) Choose(NaiveGuest naive, int seed)
    {
        int first = Mix(seed) % Frames;
        int[] sizes = [1, 2, 16, 64, 65, 256, 300, 512, 700, 1024, 1500, Frames];
        int count = sizes[Mix(seed + 1) % sizes.Length];
        if (Mix(seed + 2) % 2 == 0)
            first = first / 512 * 512;
        count = Math.Min(count, Frames - first);
        bool shared = naive.Pages[first].HostShared || naive.Pages[first].PteShared;
        if (Mix(seed + 3) % 8 == 0)
            return (first, count, Mix(seed + 4) % 2 == 0);
        int same = naive.Pages.Skip(first).Take(count)
            .TakeWhile(page => page.HostShared == naive.Pages[first].HostShared && page.PteShared == naive.Pages[first].PteShared).Count();
        return (first, same, !shared);
    }

    private static int Mix(int value)
    {
        uint x = (uint)value * 0x9e3779b1;
        x = (x ^ (x >> 15)) * 0x85ebca77;
        return (int)((x ^ (x >> 13)) & int.MaxValue);
    }

    private static bool SameCounters(NaiveGuest naive, ConversionCounters counters, Platform platform) =>
        counters.HypervisorExits == naive.Exits
        && counters.PscBatches == naive.Batches
        && counters.Pvalidates == naive.Pvalidates
        && counters.PvalidateSizeMismatches == naive.Mismatches
        && counters.MapGpaCalls == naive.MapGpaCalls
        && counters.AcceptCalls == naive.AcceptCalls
        && counters.PagesAccepted == naive.PagesAccepted
        && counters.PlatformCalls == naive.PlatformCalls
        && counters.DirectMapSplits == naive.DirectMapSplits
        && counters.RmpSplits == (IsSnp(platform) ? naive.HostSplits : 0)
        && counters.SeptSplits == (platform == Platform.Tdx ? naive.HostSplits : 0);

    private static bool SamePages(NaiveGuest naive, IPageStateTracker tracker, Platform platform)
    {
        ulong at = 0;
        PageStateInfo? before = null;
        foreach (PageStateRun run in tracker.Runs(new FrameRange(0, Frames)))
        {
            PageStateInfo key = WithoutFrame(run.State);
            if (run.Range.First != at || run.Range.Count == 0 || key == before)
                return false;
            for (; at < run.Range.End; at++)
            {
                PageStateInfo state = tracker.Describe(at);
                if (state != Expected(naive.Pages[at], at, platform) || WithoutFrame(state) != key
                    || tracker.IsShared(at) != (state.Condition == PageCondition.Shared) || tracker.ConditionOf(at) != state.Condition)
                {
                    return false;
                }
            }
            before = key;
        }
        return at == Frames;
    }

    private static PageStateInfo WithoutFrame(PageStateInfo state) =>
        state.Rmp is { } rmp ? state with { Rmp = rmp with { GuestFrame = 0 } } : state;

    private static bool IsSev(Platform platform) => platform is Platform.Sev or Platform.SevEs;

    private static bool IsSnp(Platform platform) => platform is Platform.SevSnp or Platform.SevSnpVtom;

    private static PageStateInfo Expected(NaivePage page, ulong frame, Platform platform)
    {
        bool shared = IsSev(platform) ? page.PteShared : page.HostShared;
        PageCondition condition = shared ? PageCondition.Shared
            : IsSev(platform) || page.Validated ? PageCondition.Private
            : PageCondition.PrivateUnvalidated;
        MappingSize size = page.HostEntryIs4K ? MappingSize.Size4K : MappingSize.Size2M;
        if (platform is Platform.CcaRealm or Platform.S390)
        {
            // No direct-map entry changes its size there (S-S390-03, S-SETM-43).
            return new PageStateInfo(condition, page.PteShared, MappingSize.Size4K, null, null, null)
            {
                Ripas = platform == Platform.S390 ? null : shared ? RipasState.Empty : RipasState.Ram,
                DirectMapInvalid = page.PteInvalid,
            };
        }

        return new PageStateInfo(
            condition,
            page.PteShared,
            page.DirectMap,
            !IsSev(platform) ? null
                : !page.Told ? SevHostKnowledge.Unknown
                : page.ToldShared ? SevHostKnowledge.ToldShared : SevHostKnowledge.ToldPrivate,
            !IsSnp(platform) ? null
                : shared ? new RmpEntry(false, size, false, 0, 0, false, false)
                : new RmpEntry(true, size, false, frame, 7, false, page.Validated),
            platform != Platform.Tdx ? null
                : new SeptEntry(shared ? SeptState.Free : page.Validated ? SeptState.Mapped : SeptState.Pending, size));
    }
}
