namespace CocoGuest.Machine.Processes;

/// <summary>
/// The mappings of a process. Addresses are given out top-down below a fixed base, the highest gap that fits first, so that the same calls
/// give the same addresses (a process without address randomisation).
/// </summary>
internal sealed class AddressSpace(int limit)
{
    private const ulong Top = 0x7ffff7ff0000;
    private const ulong Bottom = 0x10000;

    // By start address, descending: new mappings go below the old ones, hence to the end of the list.
    private readonly List<Vma> _mappings = [];

    // Bytes between mappings that removal left free; while 0, the next mapping goes below the lowest without a search.
    private ulong _holeBytes;

    /// <summary>Number of mappings.</summary>
    public int Count => _mappings.Count;

    /// <summary>Mappings in ascending order of address, as exit removes them.</summary>
    public IEnumerable<Vma> Ascending() => Enumerable.Reverse(_mappings);

    /// <summary>Finds room; 0 when there is none or the mapping limit is reached (ENOMEM).</summary>
    public ulong FindGap(ulong length)
    {
        if (_mappings.Count >= limit)
        {
            return 0;
        }

        if (_holeBytes >= length)
        {
            ulong ceiling = Top;
            foreach (Vma vma in _mappings)
            {
                if (ceiling - vma.End >= length)
                {
                    return ceiling - length;
                }

                ceiling = vma.Start;
            }
        }

        ulong lowest = Lowest;
        return lowest - Bottom >= length ? lowest - length : 0;
    }

    /// <summary>Adds a mapping at an address from <see cref="FindGap"/>.</summary>
    public void Add(Vma vma)
    {
        if (vma.End == Lowest)
        {
            _mappings.Add(vma);
            return;
        }

        _holeBytes -= vma.Length;
        _mappings.Insert(~IndexOf(vma.Start), vma);
    }

    /// <summary>Removes the mapping that starts at an address; null when none does.</summary>
    public Vma? RemoveAt(ulong start)
    {
        int index = IndexOf(start);
        if (index < 0)
        {
            return null;
        }

        Vma vma = _mappings[index];
        _mappings.RemoveAt(index);
        if (index < _mappings.Count)
        {
            _holeBytes += vma.Length;
        }
        else
        {
            // The lowest went: what lay free above it is below all mappings again.
            _holeBytes -= Lowest - vma.End;
        }

        return vma;
    }

    /// <summary>The mapping that holds an address, or null.</summary>
    public Vma? Find(ulong address)
    {
        int index = IndexOf(address);
        index = index < 0 ? ~index : index;
        return index < _mappings.Count && address < _mappings[index].End ? _mappings[index] : null;
    }

    private ulong Lowest => _mappings.Count == 0 ? Top : _mappings[^1].Start;

    private int IndexOf(ulong start)
    {
        int low = 0;
        int high = _mappings.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = start.CompareTo(_mappings[middle].Start);
            if (order == 0)
            {
                return middle;
            }

            if (order < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return ~low;
    }
}
