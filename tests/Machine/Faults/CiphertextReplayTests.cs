using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;
using CocoGuest.Tests.Machine.Platforms;

namespace CocoGuest.Tests.Machine.Faults;

/// <summary>A host that writes older ciphertext back after a store: each platform by its own means.</summary>
public sealed class CiphertextReplayTests
{
    private const int Size = 8192;
    private static readonly byte[] Old = PlatformGuest.Pattern(Size);
    private static readonly byte[] Fresh = [.. Enumerable.Repeat((byte)0x5a, 300)];

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevEs)]
    [Statement("S-ENC-02", "S-PLAT-10")]
    public void Store_ReplayedOnSev_ShowsTheOldText(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        (_, ulong map, _) = test.Filled(TestGuest.Private, Size);
        Arm(test, new FaultSpec(FaultPoint.ReplayCiphertext) { Times = 1 });

        Store(test, map + 4000);

        Assert.Equal(Old, test.Load(map, Size).Value);
        Assert.Empty(test.Faults);
        Store(test, map);
        Assert.Equal(Fresh, test.Load(map, Fresh.Length).Value);
        Assert.Equal(1UL, Assert.Single(test.Guest.Faults.List()).Fired);
    }

    [Theory]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.SevSnpVtom)]
    [Statement("S-SNP-06", "S-PLAT-11", "S-ENC-03")]
    public void Store_ReplayedOnSnp_FaultsInTheHostAndStands(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        (_, ulong map, ulong phys) = test.Filled(TestGuest.Private, 4096);
        Arm(test, new FaultSpec(FaultPoint.ReplayCiphertext));

        Store(test, map);

        Assert.Equal(Fresh, test.Load(map, Fresh.Length).Value);
        PageFault seen = Assert.Single(test.Faults);
        Assert.Equal((ViewFault.HostRmp, ViewAccessor.HostWrite, phys), (seen.Fault, seen.Accessor, seen.Address));
        Assert.Equal("running", test.Guest.Snapshot().State);
    }

    [Theory]
    [InlineData(Platform.Tdx, ViewFault.MachineCheck)]
    [InlineData(Platform.S390, ViewFault.IntegrityCheck)]
    [Statement("S-PLAT-12", "S-PLAT-14", "S-ENC-05")]
    public void Store_ReplayedWhereIntegrityIsChecked_IsMetByTheNextReader(Platform platform, ViewFault fault)
    {
        using var test = new PlatformGuest(platform);
        (_, ulong map, _) = test.Filled(TestGuest.Private, 4096);
        Arm(test, new FaultSpec(FaultPoint.ReplayCiphertext));

        Store(test, map);
        Assert.Empty(test.Faults);

        Assert.Equal(Errno.EFAULT, test.Load(map, 1).Failure!.Errno);
        Assert.Equal(fault, Assert.Single(test.Faults).Fault);
        Assert.StartsWith("stopped", test.Guest.Snapshot().State, StringComparison.Ordinal);
    }

    [Fact]
    [Statement("S-PLAT-13")]
    public void Store_ReplayedOnCca_FaultsAtTheHostsFirstLook()
    {
        using var test = new PlatformGuest(Platform.CcaRealm);
        (_, ulong map, _) = test.Filled(TestGuest.Private, 4096);
        Arm(test, new FaultSpec(FaultPoint.ReplayCiphertext));

        Store(test, map);

        Assert.Equal(Fresh, test.Load(map, Fresh.Length).Value);
        Assert.Equal(ViewFault.GranuleProtection, Assert.Single(test.Faults).Fault);
    }

    [Theory]
    [InlineData(Platform.Sev, TestGuest.Shared)]
    [InlineData(Platform.None, TestGuest.Private)]
    public void Store_WhereTheHostReadsPlainText_IsNoCallOfThePoint(Platform platform, string heap)
    {
        using var test = new PlatformGuest(platform);
        (_, ulong map, _) = test.Filled(heap, 4096);
        Arm(test, new FaultSpec(FaultPoint.ReplayCiphertext));

        Store(test, map);

        Assert.Equal(Fresh, test.Load(map, Fresh.Length).Value);
        Assert.Equal(0UL, Assert.Single(test.Guest.Faults.NeverFired()).Calls);
    }

    [Fact]
    [Statement("S-ENC-02")]
    public void Store_ToAProcessOwnPage_IsReplayedLikeABuffer()
    {
        using var test = new PlatformGuest(Platform.Sev);
        ulong map = test.Guest.Mappings.MmapAnonymous(test.Init, 4096, MapProtection.Read | MapProtection.Write).Value.Address;
        Assert.Null(test.Guest.Mappings.Store(test.Init, map, Old.AsSpan(0, 4096)));
        Arm(test, new FaultSpec(FaultPoint.ReplayCiphertext) { Times = 1 });

        Store(test, map);

        Assert.Equal(Old[..4096], test.Load(map, 4096).Value);
    }

    [Fact]
    public void Attributes_DecideWhichStoreIsReplayed()
    {
        using var test = new PlatformGuest(Platform.Sev);
        (_, ulong map, _) = test.Filled(TestGuest.Private, 4096);
        GuestProcess other = test.Guest.Processes.Open("other").Value;
        Arm(test, new FaultSpec(FaultPoint.ReplayCiphertext) { TaskFilter = other.Pid });
        Arm(test, new FaultSpec(FaultPoint.ReplayCiphertext) { Space = 301, Interval = 2 });

        bool[] replayed = [.. Enumerable.Range(0, 5).Select(i =>
        {
            byte[] bytes = [.. Enumerable.Repeat((byte)i, 300)];
            Assert.Null(test.Guest.Mappings.Store(test.Init, map, bytes));
            return !test.Load(map, 300).Value.AsSpan().SequenceEqual(bytes);
        })];

        // The first uses the space up, then every second one is a candidate.
        Assert.Equal([false, false, true, false, true], replayed);
        Assert.Equal([0UL, 2UL], test.Guest.Faults.List().Select(f => f.Fired));
    }

    [Fact]
    [Statement("S-ENC-02")]
    public void FailNth_OfAStore_ReplaysItOnce()
    {
        using var test = new PlatformGuest(Platform.Sev);
        (_, ulong map, _) = test.Filled(TestGuest.Private, 4096);
        Assert.Null(test.Guest.Faults.SetFailNth(test.Init, 2));

        Store(test, map);
        Assert.Equal(Fresh, test.Load(map, Fresh.Length).Value);
        Assert.Null(test.Guest.Mappings.Store(test.Init, map, new byte[300]));

        Assert.Equal(Fresh, test.Load(map, Fresh.Length).Value);
        Assert.Equal((0u, 1UL), test.Guest.Faults.FailNthOf(test.Init));
    }

    private static void Store(PlatformGuest test, ulong address) => Assert.Null(test.Guest.Mappings.Store(test.Init, address, Fresh));

    private static void Arm(PlatformGuest test, FaultSpec spec) => Assert.True(test.Guest.Faults.Inject(spec).Ok);
}
