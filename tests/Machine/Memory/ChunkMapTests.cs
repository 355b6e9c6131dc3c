using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Tests.Machine.Memory;

/// <summary>Parts of chunks that leave a backing and come back, against a map of frames.</summary>
public sealed class ChunkMapTests
{
    private const ulong First = 256;
    private const ulong Frames = 1024;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void UncoverAndCover_OfAnyParts_AgreeWithAMapOfFrames(int seed)
    {
        var dice = new Random(seed);
        var map = new ChunkMap(Frames);
        Chunk[] chunks = [new(First, 8), new(First + 256, 4), new(First + 272, 0)];
        VisibleBacking backing = MakeBacking(chunks);
        int slot = map.Add(backing, chunks);
        ulong?[] naive =
        [
            .. Enumerable.Range(0, (int)Frames)
                .Select(f => (ulong)f - First < 273 && f >= (int)First ? (ulong)f - First : (ulong?)null),
        ];
        for (int step = 0; step < 300; step++)
        {
            ulong frame = First + (ulong)dice.Next(273);
            if (map.Find(frame, out ulong page, out ulong left) is null)
            {
                map.Cover(slot, frame, frame - First);
                naive[frame] = frame - First;
            }
            else
            {
                ulong count = 1 + (ulong)dice.Next((int)left);
                Assert.Equal(page, map.Uncover(new FrameRange(frame, count)).Page);
                naive.AsSpan((int)frame, (int)count).Clear();
            }

            Compare(map, naive, $"seed {seed} step {step}");
        }

        map.Remove(slot, chunks);
        Compare(map, new ulong?[Frames], $"seed {seed}, removed");
    }

    [Fact]
    public void Remove_AfterAPartWasTakenOut_LeavesNothingForTheSlotsNextBacking()
    {
        var map = new ChunkMap(Frames);
        Chunk[] chunks = [new(First, 8)];
        int slot = map.Add(MakeBacking(chunks), chunks);
        map.Uncover(new FrameRange(First + 3, 64));

        map.Remove(slot, chunks);

        // The slot is given away again: nothing that the first backing left behind may lead to the second.
        Chunk[] others = [new(First + 512, 0)];
        Assert.Equal(slot, map.Add(MakeBacking(others), others));
        ulong?[] naive = new ulong?[Frames];
        naive[First + 512] = 0;
        Compare(map, naive, "slot used again");
    }

    private static VisibleBacking MakeBacking(Chunk[] chunks) => new(1, chunks, 273 * Page.Size, readOnly: false, null);

    private static void Compare(ChunkMap map, ulong?[] naive, string place)
    {
        for (ulong frame = 0; frame < Frames; frame++)
        {
            ulong? page = map.Find(frame, out ulong found, out ulong left) is null ? null : found;
            Assert.True(page == naive[frame], $"{place}: frame {frame} is page {page}, not {naive[frame]}");
            for (ulong i = 0; page is not null && i < left; i++)
            {
                Assert.True(naive[frame + i] == page + i, $"{place}: frame {frame} claims {left} frames");
            }
        }
    }
}
