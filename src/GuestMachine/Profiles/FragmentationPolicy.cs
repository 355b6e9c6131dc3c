namespace CocoGuest.Machine.Profiles;

/// <summary>
/// When the page allocator refuses large orders to the system heap (S-UNV-55): requests of an order fail from the n-th of the guest on.
/// </summary>
/// <param name="Order8FailsFrom">First failing order-8 request, counted from 1; 0: none fails by policy.</param>
/// <param name="Order4FailsFrom">First failing order-4 request, counted from 1; 0: none fails by policy.</param>
public sealed record FragmentationPolicy(ulong Order8FailsFrom, ulong Order4FailsFrom)
{
    /// <summary>
    /// Memory above 4 GiB is taken first, as an unmodified kernel does; false: lowest address first, whatever the zone (S-UNV-55).
    /// </summary>
    public bool HighZoneFirst { get; init; }

    /// <summary>Large orders succeed while enough contiguous memory is free.</summary>
    public static FragmentationPolicy Default { get; } = new(0, 0);
}
