namespace CocoGuest.Tests.Replay.Probes;

/// <summary>What became of the records of a family in a native run.</summary>
internal sealed class ProbeTally
{
    private readonly Dictionary<string, int> _skips = new(StringComparer.Ordinal);

    /// <summary>Records that were compared, a missing line included.</summary>
    public int Compared { get; private set; }

    /// <summary>Those without a difference.</summary>
    public int Equal { get; private set; }

    /// <summary>The first difference.</summary>
    public Difference? First { get; private set; }

    /// <summary>Records that were not compared, by reason.</summary>
    public IReadOnlyDictionary<string, int> Skips => _skips;

    /// <summary>Notes a record that was compared.</summary>
    /// <param name="difference">The first field that differs, or null.</param>
    public void Add(Difference? difference)
    {
        Compared++;
        Equal += difference is null ? 1 : 0;
        First ??= difference;
    }

    /// <summary>Notes records that were not compared.</summary>
    public void Skip(string reason, int count = 1) => _skips[reason] = _skips.GetValueOrDefault(reason) + count;

    /// <summary>Adds another tally's counts.</summary>
    public void Add(ProbeTally other)
    {
        Compared += other.Compared;
        Equal += other.Equal;
        First ??= other.First;
        foreach ((string reason, int count) in other.Skips)
        {
            Skip(reason, count);
        }
    }
}
