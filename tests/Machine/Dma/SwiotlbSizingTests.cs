using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Dma;

public class SwiotlbSizingTests
{
    private const ulong MiB = 1 << 20;

    [Theory]
    [Statement("S-VEC-20", "S-SWI-05", "S-SWI-06", "S-SWI-07")]
    [InlineData(512, 1, 32768, 1, "adjusted to 64MB; area num 1.")]
    [InlineData(1024, 2, 32768, 2, "adjusted to 64MB; area num 2.")]
    [InlineData(2048, 4, 65536, 4, "adjusted to 122MB; area num 4.; roundup to 128MB")]
    [InlineData(4096, 4, 131072, 4, "adjusted to 245MB; area num 4.; roundup to 256MB")]
    [InlineData(8192, 8, 262144, 8, "adjusted to 491MB; area num 8.; roundup to 512MB")]
    [InlineData(16384, 6, 524288, 8, "adjusted to 983MB; area num 8.; roundup to 1024MB")]
    [InlineData(32768, 64, 524288, 64, "adjusted to 1024MB; area num 64.")]
    [InlineData(65536, 128, 524288, 128, "adjusted to 1024MB; area num 128.")]
    public void Compute_CocoGuest_MatchesTheVectors(ulong memoryMiB, int cpus, uint slots, uint areas, string messages)
    {
        SwiotlbPlan plan = Compute(Platform.Sev, KernelVersion.V72, memoryMiB, cpus, "");

        string said = string.Join("; ", plan.Messages).Replace("SWIOTLB bounce buffer size ", string.Empty, StringComparison.Ordinal);
        Assert.Equal((slots, areas, messages), (plan.Slots, plan.Areas, said));
    }

    [Theory]
    [Statement("S-SWI-04", "S-UP-23", "S-DMA-84")]
    [InlineData(Platform.None, KernelVersion.V72, 512, "", false, SwiotlbForce.None)]
    [InlineData(Platform.None, KernelVersion.V72, 5120, "", true, SwiotlbForce.None)]
    [InlineData(Platform.None, KernelVersion.V72, 512, "force", true, SwiotlbForce.CommandLine)]
    [InlineData(Platform.None, KernelVersion.V72, 5120, "noforce", false, SwiotlbForce.None)]
    [InlineData(Platform.Tdx, KernelVersion.SeedV1, 512, "", true, SwiotlbForce.Platform)]
    [InlineData(Platform.Tdx, KernelVersion.V72, 512, "", true, SwiotlbForce.Platform)]
    [InlineData(Platform.Tdx, KernelVersion.V72, 512, "noforce", false, SwiotlbForce.None)]
    [InlineData(Platform.Tdx, KernelVersion.V73, 512, "", true, SwiotlbForce.None)]
    [InlineData(Platform.Sev, KernelVersion.V73, 512, "force", true, SwiotlbForce.CommandLine)]
    [InlineData(Platform.Sev, KernelVersion.V72, 512, "force", true, SwiotlbForce.CommandLine | SwiotlbForce.Platform)]
    public void Compute_PlatformAndCommandLine_DecidePoolAndForce(
        Platform platform, KernelVersion kernel, ulong memoryMiB, string text, bool pool, SwiotlbForce force)
    {
        SwiotlbPlan plan = Compute(platform, kernel, memoryMiB, 1, text);

        Assert.Equal((pool, force), (plan.HasPool, plan.Force));
    }

    [Theory]
    [Statement("S-SWI-05", "S-SWI-06", "S-SWI-07", "S-SWI-09")]
    [InlineData("1024", 4096, 1, 1024, 1)]
    [InlineData("128", 4096, 4, 512, 4)]
    [InlineData("1000", 4096, 1, 1024, 1)]
    [InlineData("384", 4096, 2, 512, 2)]
    [InlineData("32768", 4096, 4, 131072, 4)]
    [InlineData("1024,3", 4096, 1, 1024, 4)]
    [InlineData(",0", 512, 8, 32768, 1)]
    public void Compute_CommandLineSize_IsKeptAndRounded(string text, ulong memoryMiB, int cpus, uint slots, uint areas)
    {
        SwiotlbPlan plan = Compute(Platform.Sev, KernelVersion.V72, memoryMiB, cpus, text);

        Assert.Equal((slots, areas), (plan.Slots, plan.Areas));
    }

    [Fact]
    [Statement("S-SWI-10")]
    public void MakeDefault_Pool_LogsItsPlace()
    {
        var rig = new DmaRig(Platform.Sev, KernelVersion.V72);

        Assert.Equal(
            "software IO TLB: mapped [mem 0x0000000040000000-0x0000000044000000] (64MB)", rig.Log.Lines()[^1].Text);
    }

    [Theory]
    [Statement("S-SWI-84", "S-SWI-52", "S-VEC-15")]
    [InlineData(KernelVersion.V73, "", 32768)]
    [InlineData(KernelVersion.V73, "track_hiwater", 0)]
    [InlineData(KernelVersion.V72, "", 0)]
    public void MakeDefault_ConversionFailed_CountsAsTheKernelDoes(KernelVersion kernel, string text, uint used)
    {
        var rig = new DmaRig(Platform.Sev, kernel, text, conversion: Errno.EIO);

        Assert.Equal(used, rig.Used);
    }

    [Fact]
    [Statement("S-SWI-84")]
    public void MapPhys_PoolConversionFailed_IsFull()
    {
        var rig = new DmaRig(Platform.Sev, KernelVersion.V73, conversion: Errno.EIO);

        rig.Map(0x100000, 4096);

        Assert.Equal(
            [
                "software IO TLB: Failed to decrypt default memory pool, disabling it",
                "software IO TLB: Memory encryption is active and system is using DMA bounce buffers",
                "drv 0000:01:00.0: swiotlb buffer is full (sz: 4096 bytes), total 32768 (slots), used 32768 (slots)",
            ],
            rig.Warnings);
    }

    [Theory]
    [Statement("S-SWI-72")]
    [InlineData(KernelVersion.V72, 0x50000000, Errno.EIO, Errno.None, "")]
    [InlineData(KernelVersion.V73, 0x50000000, Errno.EIO, Errno.EIO, "Failed to decrypt restricted DMA pool")]
    [InlineData(
        KernelVersion.V72, 0x7ffff000, Errno.None, Errno.EINVAL, "Restricted DMA pool must be accessible within the linear mapping.")]
    public void MakeRestricted_ConversionOrPlace_DecidesByKernel(
        KernelVersion kernel, ulong start, Errno conversion, Errno expected, string message)
    {
        var environment = new DmaEnvironment(Platform.Sev, kernel, 0x7fffffff);
        var log = new KernelLog(TimeProvider.System);

        Result<SwiotlbPool> result =
            SwiotlbBoot.MakeRestricted("r", 128, environment, start, conversion, new RecordingBounceMemory(), log);

        Assert.Equal((expected, message), (result.Failure?.Errno ?? Errno.None, log.Lines() is [{ Text: var text }] ? text : string.Empty));
    }

    private static SwiotlbPlan Compute(Platform platform, KernelVersion kernel, ulong memoryMiB, int cpus, string text) =>
        SwiotlbSizing.Compute(
            new DmaEnvironment(platform, kernel, (memoryMiB * MiB) - 1), memoryMiB * MiB, cpus, SwiotlbOptions.Parse(text, kernel).Value);
}
