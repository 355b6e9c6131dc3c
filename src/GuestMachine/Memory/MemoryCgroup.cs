namespace CocoGuest.Machine.Memory;

/// <summary>
/// The memory cgroup of a process as far as the system heaps charge it (S-HEAP-53, S-SYS-09).
/// Models: a limit, what is charged, refusal. Does not model: hierarchies, reclaim, anything else that the kernel charges.
/// </summary>
public sealed class MemoryCgroup
{
    /// <summary>memory.max, in bytes.</summary>
    public ulong Limit { get; internal set; } = ulong.MaxValue;

    /// <summary>Bytes charged.</summary>
    public ulong Charged { get; private set; }

    /// <summary>Charges bytes; false, and nothing charged, above the limit.</summary>
    internal bool TryCharge(ulong bytes)
    {
        if (bytes > Limit || Charged > Limit - bytes)
        {
            return false;
        }

        Charged += bytes;
        return true;
    }

    /// <summary>Takes a charge back.</summary>
    internal void Uncharge(ulong bytes) => Charged -= bytes;
}
