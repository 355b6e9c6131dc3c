using CocoGuest.Cli.Show;
using CocoGuest.V1;

namespace CocoGuest.Tests.Clients.Cli;

/// <summary>Answers as people read them: what they say, in words and units, within the screen's lines.</summary>
public sealed class MessageTextTests
{
    private static readonly GetGuestResponse Guest = new()
    {
        Guest = new GuestInfo
        {
            Shape = new GuestShape
            {
                Name = "default",
                Platform = "snp",
                MemoryBytes = 4UL << 30,
                Heaps = { "system", "system_cc_shared" },
            },
            State = "running",
            Memory = new MemoryCensus { TotalBytes = 4UL << 30, FreeBytes = 4025417728, UsedBytes = 65536 },
            Objects = new ObjectCensus { Processes = 1 },
            Swiotlb = new SwiotlbCounters(),
            KernelLog = { "software IO TLB: mapped [mem 0x00000000b0000000-0x00000000c0000000] (256MB)" },
        },
    };

    [Fact]
    public void Lines_OfAGuest_AreSectionsOfWhatIsNotZero() => Assert.Equal(
        """
        state  running

        shape
          name      default
          platform  snp
          memory    4 GiB
          heaps     system, system_cc_shared

        memory
          total  4 GiB
          free   3.75 GiB
          used   64 KiB

        objects
          processes  1

        kernel log
          software IO TLB: mapped [mem 0x00000000b0000000-0x00000000c0000000] (256MB)
        """,
        Text(Guest, 80));

    [Theory]
    [InlineData(80)]
    [InlineData(60)]
    [InlineData(45)]
    public void Lines_OnANarrowScreen_FitAndBreakNoWord(int width)
    {
        string[] lines = Text(Guest, width).Split('\n');

        Assert.All(lines, line => Assert.True(line.Length <= width, line));
        Assert.Contains(lines, line => line.EndsWith("system_cc_shared", StringComparison.Ordinal));
    }

    [Fact]
    public void Lines_OfAnAnswersOwnFields_KeepZeros() => Assert.Equal(
        "bytes to buffer  0 B\nbytes to device  4 KiB", Text(new SyncBufferResponse { BytesToDevice = 4096 }, 80));

    [Fact]
    public void Lines_OfSegments_AreATableWithAddresses() => Assert.Equal(
        """
        bounced      no
        fd token
        backing id   0
        broker path

        segments
          DMA ADDRESS  LENGTH   FD OFFSET
          0x100000     64 KiB   0
          0x200000     1.5 MiB  65536
        """,
        Text(
            new MapDmaBufResponse
            {
                Segments =
                {
                    new DmaSegment { DmaAddress = 1 << 20, Length = 65536 },
                    new DmaSegment { DmaAddress = 2 << 20, Length = 3 << 19, FdOffset = 65536 },
                },
            },
            80));

    [Fact]
    public void Table_WiderThanTheScreen_IsRecordsWithWholeWords() => Assert.Equal(
        ["name      a-guest-with-a-name", "platform  snp-vtom", "", "name      b", "platform  tdx"],
        TextTable.Lines(["name", "platform"], [["a-guest-with-a-name", "snp-vtom"], ["b", "tdx"]], 25));

    [Fact]
    public void Table_ThatFits_IsColumns() => Assert.Equal(
        ["NAME  PLATFORM", "a     snp-vtom", "b     tdx"],
        TextTable.Lines(["name", "platform"], [["a", "snp-vtom"], ["b", "tdx"]], 25));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(65536, "64 KiB")]
    [InlineData(268_500_992, "256 MiB")]
    [InlineData(1UL << 40, "1 TiB")]
    [InlineData(1UL << 60, "1048576 TiB")]
    public void Bytes_OfAnAmount_HaveAUnit(ulong bytes, string text) => Assert.Equal(text, Amounts.Bytes(bytes));

    private static string Text(Google.Protobuf.IMessage message, int width) => string.Join('\n', MessageText.Lines(message, width));
}
