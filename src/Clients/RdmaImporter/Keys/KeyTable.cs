namespace CocoGuest.RdmaImporter.Keys;

/// <summary>
/// The keys of a device.
/// Models: S-RDMA-30 (24-bit index, 8-bit variant; a new variant each time an index is used again, so that an old key is not taken for a
/// new region), S-RDMA-37 (the check on use). Safe for use by several threads.
/// Does not model: memory windows, atomic operations.
/// </summary>
internal sealed class KeyTable
{
    /// <summary>Indexes from 1 up; index 0 would make key 0, which means "none".</summary>
    private const int IndexLimit = 1 << 24;

    private readonly Lock _lock = new();
    private readonly List<(byte Variant, MemoryRegion? Region)> _slots = [default];
    private readonly Queue<int> _free = [];

    /// <summary>Adds a region.</summary>
    /// <returns>Its key; 0 when all indexes are in use.</returns>
    public uint Add(MemoryRegion region)
    {
        lock (_lock)
        {
            if (!_free.TryDequeue(out int index))
            {
                if (_slots.Count == IndexLimit)
                    return 0;
                index = _slots.Count;
                _slots.Add(default);
            }

            byte variant = (byte)(_slots[index].Variant + 1);
            _slots[index] = (variant, region);
            return ((uint)index << 8) | variant;
        }
    }

    /// <summary>Takes a region out.</summary>
    /// <returns>The region, or null when the key is not known.</returns>
    public MemoryRegion? Remove(uint key)
    {
        lock (_lock)
        {
            if (Find(key) is not { } region)
                return null;
            int index = (int)(key >> 8);
            region.Invalidate();
            _slots[index] = _slots[index] with { Region = null };
            _free.Enqueue(index);
            return region;
        }
    }

    /// <summary>The check on use, in its order (S-RDMA-37).</summary>
    /// <param name="key">lkey or rkey.</param>
    /// <param name="pd">Protection domain of the queue pair.</param>
    /// <param name="wanted">Access that the request needs.</param>
    /// <param name="iova">First address.</param>
    /// <param name="length">Bytes; 0 is in range anywhere.</param>
    /// <param name="region">The region, when the check passes.</param>
    public KeyCheck Check(uint key, uint pd, AccessFlags wanted, ulong iova, ulong length, out MemoryRegion? region)
    {
        lock (_lock)
            region = Find(key);
        KeyCheck result = Decide(region, pd, wanted, iova, length);
        if (result != KeyCheck.Ok)
            region = null;
        return result;
    }

    private static KeyCheck Decide(MemoryRegion? region, uint pd, AccessFlags wanted, ulong iova, ulong length)
    {
        if (region is null)
            return KeyCheck.UnknownKey;
        if (region.Pd != pd)
            return KeyCheck.OtherPd;
        if ((wanted & ~region.Access) != 0)
            return KeyCheck.AccessDenied;
        if (!region.Valid)
            return KeyCheck.Invalidated;
        // Differences, not sums: a range that wraps around is refused.
        bool inRange = length == 0
            || (iova >= region.Iova && length <= region.Length && iova - region.Iova <= region.Length - length);
        return inRange ? KeyCheck.Ok : KeyCheck.OutOfRange;
    }

    private MemoryRegion? Find(uint key)
    {
        int index = (int)(key >> 8);
        return index < _slots.Count && _slots[index].Variant == (byte)key ? _slots[index].Region : null;
    }
}
