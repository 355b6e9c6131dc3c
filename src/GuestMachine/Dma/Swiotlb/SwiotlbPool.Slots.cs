using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Dma.Swiotlb;

/// <content>Finding, giving back and copying slots.</content>
public sealed partial class SwiotlbPool
{
    // Free-run lengths of an empty segment: each run of numbers that an update writes is a part of it.
    private static readonly byte[] EmptySegment = [.. Enumerable.Range(0, (int)SegmentSlots).Select(i => (byte)(SegmentSlots - i))];

    /// <summary>Gives slots to a mapping and records its original address (S-SWI-20..24). Copies nothing.</summary>
    /// <param name="original">Guest-physical address of the mapped memory.</param>
    /// <param name="mappingSize">Bytes of the mapping, at least 1.</param>
    /// <param name="wants">Alignment, boundary and CPU.</param>
    /// <returns>Guest-physical bounce address, or <see cref="NoAddress"/> when there is no room.</returns>
    public ulong Allocate(ulong original, ulong mappingSize, in SwiotlbConstraints wants)
    {
        ulong size = wants.AllocationSize(original, mappingSize);
        int first = mappingSize > SegmentBytes || size > SegmentBytes ? -1 : FindSlots(original, (uint)size, wants);
        if (first < 0)
        {
            _full++;
            return NoAddress;
        }

        ulong offset = wants.OffsetOf(original);
        uint padding = (uint)(offset >> SlotShift);
        uint head = (uint)first + padding;
        uint slots = SlotsOf(size);
        _headSlots[head] = (byte)slots;
        _headPadding[head] = (byte)padding;
        Span<ulong> originals = _original.AsSpan((int)head, (int)(slots - padding));
        for (int i = 0; i < originals.Length; i++)
        {
            originals[i] = original + ((ulong)i << SlotShift);
        }

        _mappings++;
        _liveBytes += (uint)_allocation[head];
        return Start + ((ulong)head << SlotShift) + (offset & SlotOffsetMask);
    }

    /// <summary><c>swiotlb_alloc</c>: slots as memory of their own, without an original address (S-DMA-68, S-SWI-43).</summary>
    /// <param name="bytes">Bytes, at least 1.</param>
    /// <param name="alignMask">Alignment of the start, 2^n − 1.</param>
    /// <param name="cpu">CPU that allocates.</param>
    /// <returns>Guest-physical address, or <see cref="NoAddress"/> when there is no room.</returns>
    public ulong AllocateMemory(ulong bytes, ulong alignMask, int cpu)
    {
        var wants = new SwiotlbConstraints(0, ulong.MaxValue, cpu, alignMask);
        ulong size = wants.AllocationSize(0, bytes);
        int first = bytes > SegmentBytes || size > SegmentBytes ? -1 : FindSlots(0, (uint)size, wants);
        if (first < 0)
        {
            _full++;
            return NoAddress;
        }

        _headSlots[first] = (byte)SlotsOf(size);
        _headPadding[first] = 0;
        _liveBytes += (uint)_allocation[first];
        return Start + ((ulong)first << SlotShift);
    }

    /// <summary>Gives the slots of a mapping or of <see cref="AllocateMemory"/> back (S-SWI-25). Copies nothing.</summary>
    /// <param name="bounce">Address that <see cref="Allocate"/> or <see cref="AllocateMemory"/> gave.</param>
    /// <returns>False when no mapping starts in that slot; nothing is changed then (the kernel would damage its lists).</returns>
    public bool Release(ulong bounce)
    {
        uint head = (uint)((bounce - Start) >> SlotShift);
        if (!Contains(bounce) || _headSlots[head] == 0)
        {
            return false;
        }

        uint first = head - _headPadding[head];
        uint count = _headSlots[head];
        _liveBytes -= (uint)_allocation[head];
        _headSlots[head] = 0;
        _headPadding[head] = 0;
        _staleSlots += count;
        _original.AsSpan((int)first, (int)count).Fill(NoAddress);
        _allocation.AsSpan((int)first, (int)count).Clear();

        uint behind = first + count;
        int run = behind % SegmentSlots == 0 ? 0 : _freeRun[behind];
        EmptySegment.AsSpan((int)SegmentSlots - run - (int)count, (int)count).CopyTo(_freeRun.AsSpan((int)first));
        RenumberBefore(first, run + (int)count);
        _areaUsed[first / _areaSlots] -= count;
        _used -= count;
        return true;
    }

    /// <summary>Copies between a bounce address and its original memory (S-SWI-42, 43).</summary>
    /// <param name="bounce">Guest-physical address inside the pool, also in the middle of a mapping.</param>
    /// <param name="size">Bytes asked for.</param>
    /// <param name="way">Which way.</param>
    /// <param name="minAlignMask">The device's mask, which tells where in its slot a mapping starts.</param>
    /// <returns>
    /// Bytes that the mapping has from there on if that is less than asked for (only those are copied); else <paramref name="size"/>.
    /// </returns>
    public ulong Copy(ulong bounce, ulong size, BounceWay way, ulong minAlignMask)
    {
        uint slot = (uint)((bounce - Start) >> SlotShift);
        ulong original = _original[slot];
        if (original == NoAddress || way == BounceWay.None)
        {
            return size;
        }

        long skew = (long)(bounce & SlotOffsetMask) - (long)(original & minAlignMask & SlotOffsetMask);
        ulong available = (ulong)Math.Max(0, _allocation[slot] - skew);
        ulong length = Math.Min(size, available);
        original = unchecked(original + (ulong)skew);
        if (length == 0)
        {
            return 0;
        }

        if (way == BounceWay.ToBounce)
        {
            _bytesToBounce += length;
            _memory.Copy(original, bounce, length, way);
        }
        else
        {
            _bytesFromBounce += length;
            _memory.Copy(bounce, original, length, way);
        }

        return length;
    }

    private int FindSlots(ulong original, uint size, in SwiotlbConstraints wants)
    {
        var search = new SlotSearch(_startDma, original, size, wants);
        uint areas = (uint)_areaUsed.Length;
        uint area = (uint)wants.Cpu % areas;
        for (uint i = 0; i < areas; i++)
        {
            int found = FindInArea(area, search);
            if (found >= 0)
            {
                Take(area, (uint)found, search.Slots, (int)size - (int)wants.OffsetInSlot(original));
                return found;
            }

            area = area + 1 == areas ? 0 : area + 1;
        }

        return -1;
    }

    /// <summary>
    /// One area (S-SWI-22). Candidates and their order are the kernel's; slots that cannot be the answer are passed over in one step:
    /// behind a free run
    /// that is too short every slot of that run is too, and all slots of an allocation are used. Whole strides keep alignment and count
    /// (not with both masks set, where the kernel's stride is no power of two).
    /// </summary>
    private int FindInArea(uint area, in SlotSearch search)
    {
        if (search.Slots > _areaSlots - _areaUsed[area])
        {
            return -1;
        }

        uint areaStart = area * _areaSlots;
        uint index = _areaHint[area];
        for (uint seen = 0; seen < _areaSlots;)
        {
            uint slot = areaStart + index;
            uint step = 1;
            if (search.IsAligned(slot))
            {
                uint run = _freeRun[slot];
                step = search.Stride;
                if (run >= search.Slots)
                {
                    if (!search.CrossesBoundary(slot))
                    {
                        return (int)slot;
                    }
                }
                else if (search.StridesStayAligned)
                {
                    uint hopeless = run != 0 ? run : (uint)Math.Max(0, _allocation[slot]) >> SlotShift;
                    step *= hopeless <= step ? 1 : (hopeless + step - 1) / step;
                }
            }

            seen += step;
            index += step;
            index = index >= _areaSlots ? 0 : index;
        }

        return -1;
    }

    /// <summary>Marks the found slots used and moves the area's hint (S-SWI-23).</summary>
    private void Take(uint area, uint first, uint count, int bytes)
    {
        MarkUsed(first, count);
        _freeRun.AsSpan((int)first, (int)count).Clear();
        Span<int> allocation = _allocation.AsSpan((int)first, (int)count);
        for (int i = 0; i < allocation.Length; i++)
        {
            // Counted from the start of the mapping, not of the slot, so it may be negative in the last slot; a skew (S-SWI-42) evens it
            // out.
            allocation[i] = bytes - (i << SlotShift);
        }

        RenumberBefore(first, 0);
        uint next = first - (area * _areaSlots) + count;
        _areaHint[area] = next < _areaSlots ? next : 0;
        Count(area, count);
    }

    /// <summary>Numbers the free slots right before a slot, inside its segment, upwards from a run length.</summary>
    private void RenumberBefore(uint slot, int run)
    {
        Span<byte> before = _freeRun.AsSpan((int)(slot - (slot % SegmentSlots)), (int)(slot % SegmentSlots));
        Span<byte> free = before[(before.LastIndexOf((byte)0) + 1)..];
        EmptySegment.AsSpan((int)SegmentSlots - run - free.Length, free.Length).CopyTo(free);
    }
}
