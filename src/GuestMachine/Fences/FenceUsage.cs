namespace CocoGuest.Machine.Fences;

/// <summary>What a fence in a reservation stands for, ordered: a query for one usage sees it and all below it (S-RESV-01).</summary>
public enum FenceUsage
{
    /// <summary>The kernel moves or clears the memory: everybody waits.</summary>
    Kernel = 0,

    /// <summary>A write by a device or engine.</summary>
    Write = 1,

    /// <summary>A read by a device or engine.</summary>
    Read = 2,

    /// <summary>No part in implicit synchronisation (S-RESV-05).</summary>
    Bookkeep = 3,
}
