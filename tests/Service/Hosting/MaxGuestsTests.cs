using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Service.Hosting;

/// <summary>--max-guests means what it says: above the machine's own default, at it, and below.</summary>
public sealed class MaxGuestsTests : ServerTest
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(256)]
    [InlineData(260)]
    public async Task Create_OfOneMoreThanTheOption_IsRefusedAndNoneBefore(int most)
    {
        TestServer server = await StartAsync(o => (o.MaxGuests, o.DefaultGuest) = (most, false));
        GuestRegistry guests = server.Part<GuestRegistry>();

        for (int i = 0; i < most; i++)
        {
            Assert.True(guests.Create(Small($"g{i}")).Ok, $"guest {i}");
        }

        Failure refused = guests.Create(Small("more")).Failure!;
        Assert.Equal((Errno.ENOSPC, true), (refused.Errno, refused.Sentence.Contains($"{most} guests", StringComparison.Ordinal)));
    }

    private static GuestShape Small(string name) => new() { Name = name, MemoryBytes = 96UL << 20, Swiotlb = "2048" };
}
