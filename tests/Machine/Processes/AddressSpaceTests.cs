using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Mappings;

namespace CocoGuest.Tests.Machine.Processes;

/// <summary>
/// The address space against a map of pages: random mappings, cuts and protections, compared page by page after each step.
/// </summary>
public sealed class AddressSpaceTests
{
    private const ulong PageBytes = 4096;
    private const int Pages = 64;
    private const int Steps = 400;
    private const int Limit = 48;
    private const ulong Window = AddressSpace.Top - (Pages * PageBytes);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void AnyCalls_AgreeWithAMapOfPages(int seed)
    {
        var dice = new Random(seed);
        var space = new AddressSpace(Limit);
        var naive = new Vma?[Pages];
        for (int step = 0; step < Steps; step++)
        {
            int from = dice.Next(Pages);
            int count = 1 + dice.Next(Pages - from);
            ulong start = Window + ((ulong)from * PageBytes);
            ulong end = start + ((ulong)count * PageBytes);
            switch (dice.Next(3))
            {
                case 0:
                    MapSomewhere(space, naive, (ulong)(1 + dice.Next(12)) * PageBytes, (MapProtection)(1 + dice.Next(3)));
                    break;
                case 1 when space.HasRoomFor(space.CutsNeeded(start, end)):
                    space.TakeOut(start, end);
                    naive.AsSpan(from, count).Clear();
                    break;
                case 2 when space.HasRoomFor(space.CutsNeeded(start, end)):
                    Protect(space, naive, start, end, (MapProtection)(1 + dice.Next(3)));
                    break;
                default:
                    break;
            }

            Compare(space, naive, $"seed {seed} step {step}");
        }
    }

    [Fact]
    public void FindGap_GivesTheHighestHoleThatFits()
    {
        var space = new AddressSpace(Limit);
        ulong[] placed = [.. Enumerable.Range(0, 4).Select(_ => Place(space, 2 * PageBytes))];

        space.TakeOut(placed[1], placed[1] + (2 * PageBytes));

        Assert.Equal(placed[1], space.FindGap(2 * PageBytes));
        Assert.Equal(placed[1] + PageBytes, space.FindGap(PageBytes));
        Assert.Equal(placed[3] - (3 * PageBytes), space.FindGap(3 * PageBytes));
    }

    private static ulong Place(AddressSpace space, ulong length)
    {
        ulong address = space.FindGap(length);
        space.Add(new Vma(address, length, null, 0, MapProtection.Read, Private: true));
        return address;
    }

    private static void MapSomewhere(AddressSpace space, Vma?[] naive, ulong length, MapProtection protection)
    {
        ulong address = space.FindGap(length);
        if (address < Window)
        {
            // The limit of mappings, or a place outside of what the naive map knows.
            return;
        }

        Assert.Equal(HighestHole(naive, length), address);
        var vma = new Vma(address, length, null, 0, protection, Private: true);
        space.Add(vma);
        naive.AsSpan((int)((address - Window) / PageBytes), (int)(length / PageBytes)).Fill(vma);
    }

    private static ulong HighestHole(Vma?[] naive, ulong length)
    {
        int wanted = (int)(length / PageBytes);
        int at = Enumerable.Range(0, Pages - wanted + 1).Last(i => naive.AsSpan(i, wanted).IndexOfAnyExcept((Vma?)null) < 0);
        return Window + ((ulong)at * PageBytes);
    }

    private static void Protect(AddressSpace space, Vma?[] naive, ulong start, ulong end, MapProtection protection)
    {
        foreach (Vma part in space.TakeOut(start, end))
        {
            space.Add(part with { Protection = protection });
        }

        for (ulong at = start; at < end; at += PageBytes)
        {
            int page = (int)((at - Window) / PageBytes);
            naive[page] = naive[page] is { } vma ? vma with { Protection = protection } : null;
        }
    }

    private static void Compare(AddressSpace space, Vma?[] naive, string place)
    {
        for (int page = 0; page < Pages; page++)
        {
            Vma? found = space.Find(Window + ((ulong)page * PageBytes));
            Assert.True(
                found?.Protection == naive[page]?.Protection,
                $"{place}: page {page} is {found?.Protection}, not {naive[page]?.Protection}");
        }

        ulong last = 0;
        foreach (Vma vma in space.Ascending())
        {
            Assert.True(vma.Start >= last && vma.End > vma.Start, $"{place}: mappings overlap or are out of order");
            last = vma.End;
        }
    }
}
