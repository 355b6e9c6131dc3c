using CocoGuest.Machine.Diagnostics;

namespace CocoGuest.Tests.Machine.Tracing;

/// <summary>Lines of the trace file (S-TRC-80 to 84).</summary>
public sealed class TraceEventTests
{
    private const string MapSg = "0000:01:00.0 dir=BIDIRECTIONAL nents=1/1 ents=1/1 dma_addrs={0x100000} sizes={0x1000} "
        + "phys_addrs={0x100000} attrs=CC_SHARED";

    private const string Bounced = "dev_name: 0000:01:00.0 dma_mask=ffffffffffffffff dev_addr=8000000100000 size=65536 FORCE";

    [Theory]
    [Statement("S-TRC-80", "S-TRC-84")]
    [InlineData(0u, 100_000_001, "dma_map_sg", MapSg, "            perf-1234    [000] .....   100.000001: dma_map_sg: ")]
    [InlineData(3u, 5_000_042, "swiotlb_bounced", Bounced, "            perf-1234    [003] .....     5.000042: swiotlb_bounced: ")]
    public void Line_Examples_AreThoseOfTheReference(uint cpu, long micros, string name, string text, string before) =>
        Assert.Equal(before + text, new TraceEvent(1, TimeSpan.FromMicroseconds(micros), cpu, "perf", 1234, name, text).Line);

    [Theory]
    [Statement("S-TRC-80")]
    [InlineData("a", 1u, 0, "               a-1       [012] .....     0.000000: n: t")]
    [InlineData("a-name-of-fifteen-and-more", 1234567u, 123456_999999, " a-name-of-fifte-1234567 [012] ..... 123456.999999: n: t")]
    public void Line_Widths_AreKeptOrOverrunAsInTheKernel(string task, uint pid, long micros, string expected) =>
        Assert.Equal(expected, new TraceEvent(1, TimeSpan.FromMicroseconds(micros), 12, task, pid, "n", "t").Line);

    [Theory]
    [Statement("S-TRC-81", "S-REC-54")]
    [InlineData("dma_map_sg", ".....")]
    [InlineData("swiotlb_bounced", ".....")]
    [InlineData("dma_buf_export", "...1.")]
    [InlineData("dma_buf_detach", "...1.")]
    public void Line_Status_ShowsALockForDmaBufEventsOnly(string name, string status) =>
        Assert.Contains(
            $"[000] {status}     0.000000: {name}: ", new TraceEvent(1, TimeSpan.Zero, 0, "t", 1, name, "").Line, StringComparison.Ordinal);
}
