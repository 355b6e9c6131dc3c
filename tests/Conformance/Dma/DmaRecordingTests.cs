namespace CocoGuest.Tests.Conformance.Dma;

/// <summary>Every answer of the recorded DMA runs: addresses, slots, counters, errors and bytes.</summary>
public class DmaRecordingTests
{
    public static TheoryData<string> Boots => [.. DmaBoot.All.Select(boot => boot.Name)];

    [Theory]
    [Statement("S-DMA-30", "S-DMA-31", "S-DMA-32", "S-DMA-33", "S-DMA-50", "S-SWI-20", "S-SWI-22", "S-SWI-34", "S-SWI-40", "S-SWI-42")]
    [MemberData(nameof(Boots))]
    public void Replay_RecordedBoot_GivesTheSameAnswers(string name)
    {
        var replay = new DmaReplay(DmaBoot.All.Single(boot => boot.Name == name));

        replay.Run(Recording.Read("dma." + name));

        string first = string.Join('\n', replay.Differences.Take(20));
        Assert.True(replay.Differences.Count == 0, $"{replay.Differences.Count} of {replay.Compared}:\n{first}");
        Assert.InRange(replay.Compared, 150, int.MaxValue);
    }

    [Fact]
    public void Replay_WrongAreaHint_IsNoticed()
    {
        var replay = new DmaReplay(DmaBoot.All.Single(boot => boot.Name == "coco_72"), hintOffset: 1);

        replay.Run(Recording.Read("dma.coco_72"));

        Assert.Contains(replay.Differences, difference => difference.Contains("slot_offset", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("coco_noforce_72", "coco_noforce_73")]
    [InlineData("coco_swiotlb_force", "swiotlb_force")]
    public void Replay_OtherKernelsRules_AreNoticed(string recording, string rules)
    {
        var replay = new DmaReplay(DmaBoot.All.Single(boot => boot.Name == rules));

        replay.Run(Recording.Read("dma." + recording));

        Assert.NotEmpty(replay.Differences);
    }
}
