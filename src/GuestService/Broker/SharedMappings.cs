using System.Runtime.CompilerServices;
using CocoGuest.Machine;

namespace CocoGuest.Service.Broker;

/// <summary>Counts redeemed fd tokens and the bytes that became reachable through them, for each guest.</summary>
internal sealed class SharedMappings
{
    private readonly ConditionalWeakTable<Guest, Counter> _counters = [];

    /// <summary>One fd went out.</summary>
    public void Count(Guest guest, ulong bytes)
    {
        Counter counter = _counters.GetOrCreateValue(guest);
        Interlocked.Increment(ref counter.Fds);
        Interlocked.Add(ref counter.Bytes, bytes);
    }

    /// <summary>fds and bytes so far.</summary>
    public (ulong Fds, ulong Bytes) Of(Guest guest) =>
        _counters.TryGetValue(guest, out Counter? counter)
            ? (Interlocked.Read(ref counter.Fds), Interlocked.Read(ref counter.Bytes))
            : default;

    private sealed class Counter
    {
        public ulong Fds;
        public ulong Bytes;
    }
}
