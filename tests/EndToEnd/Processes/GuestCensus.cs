using System.Diagnostics;
using CocoGuest.Client;
using CocoGuest.V1;

namespace CocoGuest.Tests.EndToEnd.Processes;

/// <summary>What a guest holds: objects, memory, bounce slots.</summary>
/// <param name="Objects">Live objects.</param>
/// <param name="Memory">Frames by use.</param>
/// <param name="SlotsUsed">swiotlb slots in use.</param>
internal sealed record GuestCensus(ObjectCensus Objects, MemoryCensus Memory, ulong SlotsUsed)
{
    /// <summary>Asks a guest.</summary>
    public static async Task<GuestCensus> TakeAsync(CocoConnection connection, string guest)
    {
        GuestInfo info = (await connection.Host.GetGuestAsync(new GetGuestRequest { Guest = guest })).Guest;
        return new GuestCensus(info.Objects, info.Memory, info.Swiotlb.SlotsUsed);
    }

    /// <summary>
    /// Asks until the census is as wanted. The server tells nobody of the death of somebody else, so there is nothing to wait on but its
    /// answers; each is a call of its own, so this does not spin.
    /// </summary>
    /// <exception cref="TimeoutException">It never was; the message holds the last one.</exception>
    public static async Task<GuestCensus> UntilAsync(CocoConnection connection, string guest, Func<GuestCensus, bool> wanted)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            GuestCensus census = await TakeAsync(connection, guest);
            if (wanted(census))
            {
                return census;
            }

            if (Stopwatch.GetElapsedTime(start) > Limits.Stuck)
            {
                throw new TimeoutException($"The guest never came to hold what was expected; in the end it held {census}.");
            }
        }
    }
}
