namespace CocoGuest.Machine.Mappings;

/// <summary>
/// The mappings of a process. Addresses are given out top-down below a fixed base, the highest gap that fits first, so that the same calls
/// give the same addresses (a process without address randomisation).
/// Models: mappings, their parts, pages of anonymous memory and of copies on write. Does not model: page tables, merging of neighbours.
/// </summary>
internal sealed class AddressSpace(int limit)
{
    /// <summary>Address behind the last mappable page.</summary>
    public const ulong Top = 0x7ffff7ff0000;

    /// <summary>First mappable address.</summary>
    public const ulong Bottom = 0x10000;

    // By start address, descending: new mappings go below the old ones, hence to the end of the list.
    private readonly List<Vma> _mappings = [];

    // Bytes between mappings that removal left free; while 0, the next mapping goes below the lowest without a search.
    private ulong _holeBytes;

    /// <summary>Bytes mapped.</summary>
    public ulong Bytes { get; private set; }

    /// <summary>Number of mappings.</summary>
    public int Count => _mappings.Count;

    /// <summary>Pages of anonymous memory and of copies on write, by address.</summary>
    public Dictionary<ulong, OwnPage> Pages { get; } = [];

    /// <summary>
    /// Address behind the last byte that this space may map. A process of the host has its mappings where the host put them, above
    /// <see cref="Top"/>, too. Set while nothing is mapped.
    /// </summary>
    public ulong Ceiling { get; set; } = Top;

    /// <summary>True when no further mapping fits into the limit.</summary>
    public bool IsFull => _mappings.Count >= limit;

    private ulong Lowest => _mappings.Count == 0 ? Ceiling : _mappings[^1].Start;

    /// <summary>Mappings in ascending order of address, as exit removes them.</summary>
    public IEnumerable<Vma> Ascending() => Enumerable.Reverse(_mappings);

    /// <summary>Finds room; 0 when there is none or the mapping limit is reached (ENOMEM).</summary>
    public ulong FindGap(ulong length)
    {
        if (IsFull)
        {
            return 0;
        }

        if (_holeBytes >= length)
        {
            ulong ceiling = Ceiling;
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

    /// <summary>Adds a mapping where none is.</summary>
    public void Add(Vma vma)
    {
        Bytes += vma.Length;
        ulong lowest = Lowest;
        if (vma.End <= lowest)
        {
            _holeBytes += lowest - vma.End;
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
        Bytes -= vma.Length;
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

    /// <summary>The mappings that a range touches, in ascending order.</summary>
    public Vma[] Overlapping(ulong start, ulong end)
    {
        int last = IndexOf(start);
        last = last < 0 ? Math.Min(~last, _mappings.Count - 1) : last;
        int first = IndexOf(end);
        first = first < 0 ? ~first : first + 1;
        var found = new List<Vma>();
        for (int i = last; i >= first; i--)
        {
            if (_mappings[i].End > start)
            {
                found.Add(_mappings[i]);
            }
        }

        return [.. found];
    }

    /// <summary>Whether nothing is mapped in a range that lies below <see cref="Ceiling"/>.</summary>
    public bool IsFree(ulong start, ulong end) => end <= Ceiling && Overlapping(start, end).Length == 0;

    /// <summary>How many mappings lie in a range entirely.</summary>
    public int CountInside(ulong start, ulong end) => Overlapping(start, end).Count(v => v.Start >= start && v.End <= end);

    /// <summary>How many mappings more there would be if a range were cut out of those that it touches.</summary>
    public int CutsNeeded(ulong start, ulong end) =>
        (Find(start) is { } first && first.Start < start ? 1 : 0) + (Find(end - 1) is { } last && last.End > end ? 1 : 0);

    /// <summary>Whether the mappings that cutting a range makes fit into the limit.</summary>
    public bool HasRoomFor(int more) => _mappings.Count + more <= limit;

    /// <summary>
    /// Cuts mappings so that they begin and end at the borders of a range, and takes those inside it out, in ascending order.
    /// What is taken out still holds its references.
    /// </summary>
    public Vma[] TakeOut(ulong start, ulong end)
    {
        Vma[] touched = Overlapping(start, end);
        var inside = new List<Vma>(touched.Length);
        foreach (Vma vma in touched)
        {
            RemoveAt(vma.Start);
            ulong from = Math.Max(vma.Start, start);
            ulong to = Math.Min(vma.End, end);
            inside.Add(vma.Part(from, to));
            Keep(vma, vma.Start, from);
            Keep(vma, to, vma.End);
        }

        return [.. inside];
    }

    // Every part is a mapping of its own and holds a reference of its own.
    private void Keep(Vma vma, ulong from, ulong to)
    {
        if (from < to)
        {
            Add(vma.Part(from, to));
            if (vma.File is { } file)
            {
                file.References++;
            }
        }
    }

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
