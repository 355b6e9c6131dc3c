using CocoGuest.RdmaImporter.Keys;
using CocoGuest.V1;

namespace CocoGuest.Tests.Clients.Rdma;

public sealed class KeyTableTests
{
    private const ulong Iova = 0x10000;
    private const ulong Length = 0x4000;
    private const uint Pd = 1;
    private const AccessFlags Access = AccessFlags.LocalWrite | AccessFlags.RemoteWrite;

    private readonly KeyTable _keys = new();

    public static TheoryData<ulong, ulong, bool> Ranges => new()
    {
        { Iova, Length, true },
        { Iova, Length + 1, false },
        { Iova - 1, 1, false },
        { Iova - 1, 2, false },
        { Iova + Length - 1, 1, true },
        { Iova + Length, 1, false },
        { Iova + Length - 1, 2, false },
        { Iova + Length, 0, true },
        { 0, 0, true },
        { Iova + 1, ulong.MaxValue, false },
        { ulong.MaxValue, 2, false },
        { ulong.MaxValue - 0xfff, Iova + 0x1000 + 1, false },
    };

    [Fact]
    [Statement("S-RDMA-30")]
    public void Add_Region_KeyIsIndexAndVariant()
    {
        uint first = _keys.Add(Region());
        uint second = _keys.Add(Region());

        Assert.Equal((1u << 8) | 1, first);
        Assert.Equal((2u << 8) | 1, second);
    }

    [Fact]
    [Statement("S-RDMA-30", "S-RDMA-37")]
    public void Check_KeyOfAnEarlierRegionAtTheSameIndex_IsUnknown()
    {
        uint old = _keys.Add(Region());
        _keys.Remove(old);
        uint now = _keys.Add(Region());

        Assert.Equal(old >> 8, now >> 8);
        Assert.Equal(KeyCheck.UnknownKey, Check(old, Iova, 1));
        Assert.Equal(KeyCheck.Ok, Check(now, Iova, 1));
    }

    [Theory]
    [MemberData(nameof(Ranges))]
    [Statement("S-RDMA-37")]
    public void Check_Range_FollowsTheRule(ulong iova, ulong length, bool fine)
    {
        uint key = _keys.Add(Region());

        Assert.Equal(fine ? KeyCheck.Ok : KeyCheck.OutOfRange, Check(key, iova, length));
    }

    [Fact]
    [Statement("S-RDMA-37")]
    public void Check_SeveralThingsWrong_NamesTheFirst()
    {
        MemoryRegion region = Region();
        uint key = _keys.Add(region);

        Assert.Equal(KeyCheck.UnknownKey, _keys.Check(key + 1, Pd + 1, AccessFlags.RemoteRead, 0, 1, out _));
        Assert.Equal(KeyCheck.OtherPd, _keys.Check(key, Pd + 1, AccessFlags.RemoteRead, 0, 1, out _));
        Assert.Equal(KeyCheck.AccessDenied, _keys.Check(key, Pd, AccessFlags.RemoteRead, 0, 1, out _));
        region.Invalidate();
        Assert.Equal(KeyCheck.Invalidated, _keys.Check(key, Pd, AccessFlags.RemoteWrite, 0, 1, out _));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(0xffffffffu)]
    [InlineData(0x100u)]
    [InlineData(0x102u)]
    [Statement("S-RDMA-37")]
    public void Check_OtherKeys_AreUnknown(uint key)
    {
        _keys.Add(Region());

        Assert.Equal(KeyCheck.UnknownKey, Check(key, Iova, 1));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(7, 0)]
    [InlineData(1 | 2 | 4 | 8, 0)]
    [InlineData(1 << 20, 0)]
    [InlineData(2, 22)]
    [InlineData(8, 22)]
    [InlineData(4, 0)]
    [InlineData(16, 22)]
    [InlineData(64, 22)]
    [InlineData(256, 22)]
    [InlineData(1 << 10, 22)]
    [InlineData(1 << 21, 22)]
    [Statement("S-RDMA-03", "S-RDMA-04")]
    public void CheckDmabuf_Flags_GiveTheErrno(uint access, int errno) =>
        Assert.Equal(errno, AccessRules.CheckDmabuf((AccessFlags)access)?.Errno ?? 0);

    [Theory]
    [InlineData(2, 22)]
    [InlineData(8, 22)]
    [InlineData(2 | 64, 22)]
    [InlineData(1 << 10, 22)]
    [InlineData(64, 95)]
    [InlineData(256, 95)]
    [InlineData(512, 95)]
    [InlineData(1 << 25, 0)]
    [InlineData(1u << 30, 22)]
    [InlineData(1 | 2 | 16 | 32 | 128, 0)]
    [Statement("S-RDMA-02", "S-RDMA-04")]
    public void Check_Flags_GiveTheErrnoOfTheFirstRowThatHolds(uint access, int errno) =>
        Assert.Equal(errno, AccessRules.Check((AccessFlags)access)?.Errno ?? 0);

    private KeyCheck Check(uint key, ulong iova, ulong length) => _keys.Check(key, Pd, AccessFlags.RemoteWrite, iova, length, out _);

    private static MemoryRegion Region() => new(
        Pd,
        Access,
        TranslationTable.Build([new DmaSegment { DmaAddress = 0x8000_0000, Length = Length }], 0, Length, Iova, 1 << 30)!,
        new FakeMemory());
}
