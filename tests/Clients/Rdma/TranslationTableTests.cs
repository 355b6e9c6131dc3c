using CocoGuest.RdmaImporter.Keys;
using CocoGuest.V1;
using FsCheck;
using FsCheck.Fluent;

namespace CocoGuest.Tests.Clients.Rdma;

public sealed class TranslationTableTests
{
    private const ulong MaxPage = 1UL << 40;
    private const ulong K64 = 64 << 10;
    private const ulong M1 = 1 << 20;

    public static TheoryData<ulong[], ulong, ulong, int> Vectors => new()
    {
        { [0x10000000, M1, 0x20000000, K64], 0, M1, 2 },
        { [0x10000000, M1, 0x20000000, K64], 0x1000, 4096, 272 },
        { [0x10000000, K64], 0, K64, 1 },
        { [0x10000000, K64, 0x10010000, K64], 0, 2 * K64, 1 },
    };

    [Theory]
    [MemberData(nameof(Vectors))]
    [Statement("S-VEC-40", "S-RDMA-35")]
    public void Build_Vector_GivesPageAndEntries(ulong[] segments, ulong iova, ulong page, int entries)
    {
        var table = TranslationTable.Build(Segments(segments), 0, Total(segments), iova, MaxPage);

        Assert.NotNull(table);
        Assert.Equal((page, entries), (table.PageSize, table.Entries.Count));
    }

    [Fact]
    [Statement("S-RDMA-34")]
    public void Translate_AnyRegion_EqualsTheWalkOfTheSegments()
    {
        Prop.ForAll(Regions().ToArbitrary(), region =>
        {
            var table = TranslationTable.Build(region.Segments, region.Offset, region.Length, region.Iova, MaxPage);
            return table is not null && Agrees(table, region);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    [Statement("S-RDMA-34")]
    public void Agrees_OneEntryShifted_IsSeen()
    {
        // The property above must notice a table that is wrong in one page: here the table of other segments.
        var region = new Region(Segments([0x10000000, K64, 0x20000000, K64]), 0, 2 * K64, 0);
        TranslationTable shifted = TranslationTable.Build(Segments([0x10000000, K64, 0x20010000, K64]), 0, 2 * K64, 0, MaxPage)!;

        Assert.False(Agrees(shifted, region));
    }

    [Fact]
    [Statement("S-RDMA-34")]
    public void Build_AnyRegion_NoLargerPageWouldDo()
    {
        Prop.ForAll(Regions().ToArbitrary(), region =>
        {
            TranslationTable table = TranslationTable.Build(region.Segments, region.Offset, region.Length, region.Iova, MaxPage)!;
            // Larger is either past what varies inside the region, or breaks an alignment rule.
            ulong larger = table.PageSize * 2;
            ulong lastOfRegion = region.Iova + region.Length - 1;
            return region.Iova / table.PageSize == lastOfRegion / table.PageSize || !Fits(region, larger);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Build_AddressesBelowPageAlignment_GivesNone()
    {
        var table = TranslationTable.Build(Segments([0x10000200, K64]), 0, K64, 0, MaxPage);

        Assert.Null(table);
    }

    [Fact]
    public void Build_SmallerDevicePages_AreNotExceeded()
    {
        var table = TranslationTable.Build(Segments([0x10000000, M1]), 0, M1, 0, 8192);

        Assert.Equal((8192UL, 128), (table!.PageSize, table.Entries.Count));
    }

    private static bool Agrees(TranslationTable table, Region region)
    {
        for (ulong at = 0UL; at < region.Length; at += 512)
        {
            (ulong address, ulong room) = table.Translate(region.Iova + at);
            if (address != Walk(region.Segments, region.Offset + at) || room == 0)
                return false;
        }

        return true;
    }

    // S-RDMA-34 in its own words: every boundary inside the region aligned (adjacent segments have none), addresses equal modulo the page.
    private static bool Fits(Region region, ulong page)
    {
        ulong at = 0UL;
        ulong end = 0UL;
        foreach (DmaSegment segment in region.Segments)
        {
            (ulong low, ulong high) = (Math.Max(at, region.Offset), Math.Min(at + segment.Length, region.Offset + region.Length));
            ulong va = region.Iova + (low - region.Offset);
            if (low < high && (va ^ (segment.DmaAddress + (low - at))) % page != 0)
                return false;
            if (low < high && low > region.Offset && segment.DmaAddress != end && va % page != 0)
                return false;
            end = segment.DmaAddress + segment.Length;
            at += segment.Length;
        }

        return true;
    }

    private static ulong Walk(IReadOnlyList<DmaSegment> segments, ulong offset)
    {
        foreach (DmaSegment segment in segments)
        {
            if (offset < segment.Length)
                return segment.DmaAddress + offset;
            offset -= segment.Length;
        }

        throw new InvalidOperationException("outside");
    }

    private static Gen<Region> Regions() =>
        from count in Gen.Choose(1, 5)
        from orders in Gen.Choose(0, 5).ArrayOf(count)
        from places in Gen.Choose(0, 6).ArrayOf(count)
        from offset in Gen.Choose(0, 40_000)
        from length in Gen.Choose(1, 700_000)
        from iovaPage in Gen.Choose(0, 5000)
        select MakeRegion(orders, places, (ulong)offset, (ulong)length, (ulong)iovaPage);

    private static Region MakeRegion(int[] orders, int[] places, ulong offset, ulong length, ulong iovaPage)
    {
        var segments = new List<DmaSegment>();
        ulong next = 0x4000_0000UL;
        for (int i = 0; i < orders.Length; i++)
        {
            ulong bytes = 4096UL << orders[i];
            // Place 0: right behind the one before, so that adjacent segments occur.
            next += (ulong)places[i] * 0x3000;
            segments.Add(new DmaSegment { DmaAddress = next, Length = bytes });
            next += bytes;
        }

        ulong total = segments.Aggregate(0UL, (sum, s) => sum + s.Length);
        offset %= total;
        length = Math.Min(length, total - offset);
        return new Region(segments, offset, length, (iovaPage * 4096) + (offset % 4096));
    }

    private static List<DmaSegment> Segments(ulong[] pairs) =>
        [.. pairs.Chunk(2).Select(pair => new DmaSegment { DmaAddress = pair[0], Length = pair[1] })];

    private static ulong Total(ulong[] pairs) => pairs.Chunk(2).Aggregate(0UL, (sum, pair) => sum + pair[1]);

    private sealed record Region(List<DmaSegment> Segments, ulong Offset, ulong Length, ulong Iova);
}
