using System.Numerics;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Dma.Swiotlb;

/// <summary>
/// A swiotlb bounce pool, slot-exact.
/// Models: slots, segments, areas with hints, search order, padding, free-run lists, counters (S-SWI-01..03, 11, 12, 20..26, 42..44, 52,
/// 84), allocations from a restricted pool (S-DMA-68).
/// Does not model: dynamic and transient pools (S-SWI-60; off by default, S-SWI-63).
/// <para>
/// State per slot (structure of arrays): original address (all ones: none), bytes of the allocation from here on, length of the free run
/// that starts here (0: used), and, in the first non-padding slot of an allocation, its slots (0: no allocation starts here) and how many
/// of
/// them are padding. Invariants: a free run never crosses a segment; the used slots of the areas add up to the running counter, unless the
/// pool is unusable.
/// </para>
/// <para>Not thread-safe: the guest's lock orders its calls. No call allocates.</para>
/// </summary>
public sealed partial class SwiotlbPool
{
    /// <summary>log2 of a slot's bytes (S-SWI-01).</summary>
    public const int SlotShift = 11;

    /// <summary>Bytes of a slot.</summary>
    public const uint SlotBytes = 1 << SlotShift;

    /// <summary>Slots of a segment; free runs never cross one.</summary>
    public const uint SegmentSlots = 128;

    /// <summary>Bytes of a segment and so of the largest allocation (S-SWI-12).</summary>
    public const uint SegmentBytes = SegmentSlots * SlotBytes;

    /// <summary>No address: <c>DMA_MAPPING_ERROR</c>, and "no original address" of a slot.</summary>
    public const ulong NoAddress = ulong.MaxValue;

    internal const ulong SlotOffsetMask = SlotBytes - 1;

    private readonly IBounceMemory _memory;
    private readonly SwiotlbPoolOptions _options;
    private readonly ulong _startDma;
    private readonly uint _areaSlots;
    private readonly byte[] _freeRun;
    private readonly ulong[] _original;
    private readonly int[] _allocation;
    private readonly byte[] _headSlots;
    private readonly byte[] _headPadding;
    private readonly ulong[] _everUsed;
    private readonly uint[] _areaUsed;
    private readonly uint[] _areaHint;
    private uint _used;
    private uint _highWater;
    private uint _peak;
    private uint _staleSlots;
    private ulong _mappings;
    private ulong _full;
    private ulong _bytesToBounce;
    private ulong _bytesFromBounce;
    private ulong _liveBytes;

    /// <summary>Makes a pool with all slots free (or, if it is unusable, none).</summary>
    /// <exception cref="ArgumentException">The shape is not one that the kernel makes.</exception>
    public SwiotlbPool(SwiotlbPoolOptions options, IBounceMemory memory)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(memory);
        if (options.Areas == 0 || options.Slots % (SegmentSlots * options.Areas) != 0 || options.Slots == 0
            || !Memory.Frames.Page.IsAligned(options.Start))
        {
            throw new ArgumentException(
                $"A pool of {options.Slots} slots in {options.Areas} areas at 0x{options.Start:x} cannot be.", nameof(options));
        }

        _options = options;
        _memory = memory;
        _startDma = options.StartDma ?? options.Start;
        _areaSlots = options.Slots / options.Areas;
        _freeRun = new byte[options.Slots];
        _original = new ulong[options.Slots];
        _allocation = new int[options.Slots];
        _headSlots = new byte[options.Slots];
        _headPadding = new byte[options.Slots];
        _everUsed = new ulong[options.Slots / 64];
        _areaUsed = new uint[options.Areas];
        _areaHint = new uint[options.Areas];
        Array.Fill(_original, NoAddress);
        if (options.Unusable)
        {
            Array.Fill(_areaUsed, _areaSlots);
            return;
        }

        for (uint i = 0; i < options.Slots; i++)
        {
            _freeRun[i] = (byte)(SegmentSlots - (i % SegmentSlots));
        }
    }

    /// <summary>Name of the pool's debugfs folder; empty for the default pool.</summary>
    public string Name => _options.Name;

    /// <summary>Guest-physical address of slot 0.</summary>
    public ulong Start => _options.Start;

    /// <summary>Guest-physical address behind the last slot.</summary>
    public ulong End => _options.Start + ((ulong)Slots << SlotShift);

    /// <summary>Slots.</summary>
    public uint Slots => _options.Slots;

    /// <summary>Areas.</summary>
    public uint Areas => _options.Areas;

    /// <summary>The pool is shared memory.</summary>
    public bool Shared => _options.Shared;

    /// <summary>Why its devices always bounce.</summary>
    public SwiotlbForce Force => _options.Force;

    /// <summary>Used slots as the kernel reports them: <c>io_tlb_used</c> and the message of S-SWI-33 (S-SWI-52, S-SWI-84).</summary>
    public uint UsedSlots
    {
        get
        {
            if (!CountsPerArea)
            {
                return _used;
            }

            uint sum = 0;
            foreach (uint used in _areaUsed)
            {
                sum += used;
            }

            return sum;
        }
    }

    private bool CountsPerArea => _options.HighWaterIsOptIn && !_options.TrackHighWater;

    /// <summary>True when the guest-physical address lies in the pool.</summary>
    public bool Contains(ulong phys) => phys - _options.Start < (ulong)_freeRun.Length << SlotShift;

    /// <summary>All counters at this moment.</summary>
    public SwiotlbCounters Snapshot() => new(
        Slots, Areas, UsedSlots, CountsPerArea ? 0 : _highWater, _peak, _mappings, _full, _bytesToBounce, _bytesFromBounce, _liveBytes,
        (ulong)_staleSlots << SlotShift);

    /// <summary>Write to <c>io_tlb_used_hiwater</c>: only 0 may be written (S-SWI-50).</summary>
    /// <returns>Null, or EINVAL.</returns>
    public Failure? WriteHighWater(ulong value)
    {
        if (value != 0)
        {
            return new Failure(Errno.EINVAL, "write io_tlb_used_hiwater", "value", $"Only 0 may be written, not {value}.", "value");
        }

        _highWater = 0;
        return null;
    }

    /// <summary>Largest single mapping that can bounce for a device (S-SWI-11), bytes.</summary>
    public static ulong MaxMappingSize(ulong minAlignMask) => SegmentBytes - RoundUp(minAlignMask, SlotBytes);

    /// <summary>Length of the free run that starts at a slot; 0 when it is used.</summary>
    public int FreeRun(uint slot) => _freeRun[slot];

    /// <summary>Where the next search of an area starts, relative to the area.</summary>
    public uint AreaHint(uint area) => _areaHint[area];

    /// <summary>Used slots of an area.</summary>
    public uint AreaUsed(uint area) => _areaUsed[area];

    /// <summary>Sets an area's hint, so that a recorded run can be continued in the middle.</summary>
    internal void SetAreaHint(uint area, uint hint) => _areaHint[area] = hint % _areaSlots;

    internal static ulong RoundUp(ulong value, ulong unit) => (value + unit - 1) / unit * unit;

    /// <summary>Original address recorded for a slot, or <see cref="NoAddress"/>.</summary>
    internal ulong OriginalOf(uint slot) => _original[slot];

    private static uint SlotsOf(ulong bytes) => (uint)((bytes + SlotOffsetMask) >> SlotShift);

    private void Count(uint area, uint slots)
    {
        _areaUsed[area] += slots;
        _used += slots;
        _highWater = Math.Max(_highWater, _used);
        _peak = Math.Max(_peak, _used);
    }

    /// <summary>
    /// Marks slots as once used and takes those that were stale out of the stale count. A run lies in one segment of two words.
    /// </summary>
    private void MarkUsed(uint first, uint count)
    {
        for (uint slot = first, end = first + count; slot < end;)
        {
            uint inWord = Math.Min(64 - (slot % 64), end - slot);
            ulong mask = (inWord == 64 ? ulong.MaxValue : (1UL << (int)inWord) - 1) << (int)(slot % 64);
            ref ulong word = ref _everUsed[slot / 64];
            _staleSlots -= (uint)BitOperations.PopCount(word & mask);
            word |= mask;
            slot += inWord;
        }
    }
}
