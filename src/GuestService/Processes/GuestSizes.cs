using CocoGuest.Linux.Processes;
using CocoGuest.Machine;
using CocoGuest.Service.Logging;

namespace CocoGuest.Service.Processes;

/// <summary>
/// Warns of guests that cannot be filled: their RAM is larger than what the server may use. Memory of guests is sparse, so they run, until
/// the kernel kills the server without a word.
/// </summary>
/// <param name="limit">What the server may use; null: nobody knows.</param>
/// <param name="log">Where it warns.</param>
internal sealed class GuestSizes(MemoryLimit? limit, ILogger<GuestSizes> log)
{
    /// <summary>There is a new guest.</summary>
    public void OnGuestCreated(Guest guest)
    {
        if (limit is not null && guest.Shape.MemoryBytes > limit.Bytes)
        {
            ServiceLog.GuestTooLarge(log, guest.Shape.Name, guest.Shape.MemoryBytes >> 20, limit.Bytes >> 20, limit.Whose);
        }
    }
}
