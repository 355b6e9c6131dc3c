using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Dma;

[Statement("S-SWI-08")]
public class SwiotlbOptionsTests
{
    public static TheoryData<string, KernelVersion, SwiotlbOptions> Cases { get; } = new()
    {
        { "", KernelVersion.V72, SwiotlbOptions.Default },
        { "1024", KernelVersion.V72, SwiotlbOptions.Default with { Slots = 1024 } },
        { "1000", KernelVersion.V72, SwiotlbOptions.Default with { Slots = 1024 } },
        { "0", KernelVersion.V72, SwiotlbOptions.Default with { Slots = 0 } },
        { "0x400", KernelVersion.V72, SwiotlbOptions.Default with { Slots = 1024 } },
        { "0200", KernelVersion.V72, SwiotlbOptions.Default with { Slots = 128 } },
        { "1024,4", KernelVersion.V72, SwiotlbOptions.Default with { Slots = 1024, Areas = 4 } },
        { ",4", KernelVersion.V72, SwiotlbOptions.Default with { Areas = 4 } },
        { "force", KernelVersion.SeedV1, SwiotlbOptions.Default with { Force = true } },
        { "noforce", KernelVersion.SeedV1, SwiotlbOptions.Default with { NoForce = true } },
        { "1024,force", KernelVersion.V612, SwiotlbOptions.Default with { Slots = 1024, Force = true } },
        { "1024,4,noforce", KernelVersion.V72, SwiotlbOptions.Default with { Slots = 1024, Areas = 4, NoForce = true } },
        { "force,1024", KernelVersion.V72, SwiotlbOptions.Default with { Ignored = "force,1024" } },
        { "forced", KernelVersion.V72, SwiotlbOptions.Default with { Ignored = "forced" } },
        { "force,track_hiwater", KernelVersion.V72, SwiotlbOptions.Default with { Ignored = "force,track_hiwater" } },
        { "forced", KernelVersion.V73, SwiotlbOptions.Default with { Force = true, Ignored = "d" } },
        { "force,track_hiwater", KernelVersion.V73, SwiotlbOptions.Default with { Force = true, TrackHighWater = true } },
        { "track_hiwater", KernelVersion.V73, SwiotlbOptions.Default with { TrackHighWater = true } },
        {
            "512,2,noforce,track_hiwater", KernelVersion.V73,
            SwiotlbOptions.Default with { Slots = 512, Areas = 2, NoForce = true, TrackHighWater = true }
        },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Parse_Text_GivesWhatTheKernelReads(string text, KernelVersion kernel, SwiotlbOptions expected) =>
        Assert.Equal(expected, SwiotlbOptions.Parse(text, kernel).Value);

    [Theory]
    [InlineData("force noforce")]
    [InlineData("99999999999999999999")]
    [InlineData("1024,99999999")]
    [InlineData("force\n")]
    public void Parse_ImpossibleText_FailsNamingTheField(string text)
    {
        Failure? failure = SwiotlbOptions.Parse(text, KernelVersion.V72).Failure;

        Assert.Equal((Errno.EINVAL, "swiotlb"), (failure?.Errno, failure?.Field));
    }
}
