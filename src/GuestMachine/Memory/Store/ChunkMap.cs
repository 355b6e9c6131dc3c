using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Memory.Store;

/// <summary>
/// From a guest frame to the host-visible buffer whose chunk covers it. One entry a chunk, at its first frame: chunks are aligned to their
/// size and have three sizes only (S-SYS-01), so a look-up tries three places and a 1 GiB buffer costs 1024 writes.
/// </summary>
internal sealed class ChunkMap(ulong frames)
{
    private const int OrderBits = 4;
    private const int SlotShift = 32;
    private const ulong PageMask = (1UL << (SlotShift - OrderBits)) - 1;

    // Orders of the system heap; an entry is honoured only by the look-up of its own order.
    private static readonly int[] Orders = [0, 4, 8];

    private const int MiddleOrder = 4;
    private const ulong MiddleMask = (1UL << MiddleOrder) - 1;

    private readonly ulong[] _heads = new ulong[frames];
    private readonly List<MemoryBacking?> _slots = [];
    private readonly Stack<int> _freeSlots = new();

    // Slots with chunks that are entered in smaller pieces because a part of them was taken out.
    private readonly HashSet<int> _split = [];

    /// <summary>Enters a backing's chunks; returns the slot to be given to <see cref="Remove"/>.</summary>
    public int Add(MemoryBacking backing, ReadOnlySpan<Chunk> chunks)
    {
        if (!_freeSlots.TryPop(out int slot))
        {
            slot = _slots.Count;
            _slots.Add(null);
        }

        _slots[slot] = backing;
        ulong page = 0;
        foreach (Chunk chunk in chunks)
        {
            _heads[chunk.Frame] = ((ulong)(slot + 1) << SlotShift) | (page << OrderBits) | (uint)chunk.Order;
            page += chunk.Pages;
        }

        return slot;
    }

    /// <summary>Takes a backing's chunks out again.</summary>
    public void Remove(int slot, ReadOnlySpan<Chunk> chunks)
    {
        bool split = _split.Remove(slot);
        foreach (Chunk chunk in chunks)
        {
            ulong end = split ? chunk.Range.End : chunk.Frame + 1;
            for (ulong frame = chunk.Frame; frame < end; frame++)
            {
                _heads[frame] = 0;
            }
        }

        _slots[slot] = null;
        _freeSlots.Push(slot);
    }

    /// <summary>Takes frames out that lie in one entry; the rest of the entry stays, in smaller ones.</summary>
    /// <returns>The backing, its slot and the page in it of the first frame.</returns>
    public (MemoryBacking Backing, int Slot, ulong Page) Uncover(FrameRange range)
    {
        ulong head = EntryOf(range.First, out ulong first);
        int order = (int)(head & ((1 << OrderBits) - 1));
        int slot = (int)(head >> SlotShift) - 1;
        ulong page = (head >> OrderBits) & PageMask;
        _heads[first] = 0;
        if (range.Count >> order == 0)
        {
            CoverAll(slot, first, range.First, page);
            CoverAll(slot, range.End, first + (1UL << order), page + (range.End - first));
        }

        return (_slots[slot]!, slot, page + (range.First - first));
    }

    /// <summary>Enters one frame of a backing again.</summary>
    public void Cover(int slot, ulong frame, ulong page)
    {
        _heads[frame] = ((ulong)(slot + 1) << SlotShift) | (page << OrderBits);
        _split.Add(slot);
    }

    // Conversions come in pieces of a chunk (a page-state change has at most 64 entries): what stays of it is entered in entries as large
    // as fit, or the next piece would be met frame by frame.
    private void CoverAll(int slot, ulong from, ulong end, ulong page)
    {
        while (from < end)
        {
            int order = (from & MiddleMask) == 0 && end - from > MiddleMask ? MiddleOrder : 0;
            _heads[from] = ((ulong)(slot + 1) << SlotShift) | (page << OrderBits) | (uint)order;
            from += 1UL << order;
            page += 1UL << order;
        }

        _split.Add(slot);
    }

    /// <summary>
    /// The backing that covers a frame, or null; where the frame lies in it and how many frames of the chunk follow (itself included).
    /// </summary>
    public MemoryBacking? Find(ulong frame, out ulong pageInBacking, out ulong pagesLeft)
    {
        ulong head = EntryOf(frame, out ulong first);
        if (head == 0)
        {
            pageInBacking = 0;
            pagesLeft = 0;
            return null;
        }

        ulong inside = frame - first;
        pageInBacking = ((head >> OrderBits) & PageMask) + inside;
        pagesLeft = (1UL << (int)(head & ((1 << OrderBits) - 1))) - inside;
        return _slots[(int)(head >> SlotShift) - 1];
    }

    private ulong EntryOf(ulong frame, out ulong first)
    {
        foreach (int order in Orders)
        {
            first = frame >> order << order;
            ulong head = _heads[first];
            if (head != 0 && (int)(head & ((1 << OrderBits) - 1)) == order)
            {
                return head;
            }
        }

        first = 0;
        return 0;
    }
}
