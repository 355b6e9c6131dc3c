namespace CocoGuest.Tests.Replay;

/// <summary>What became of the records of a family, or of all.</summary>
internal sealed class Tally
{
    private readonly Dictionary<string, int> _skips = new(StringComparer.Ordinal);

    public int Passed { get; set; }

    public int Failed { get; set; }

    /// <summary>Records of <see cref="Passed"/> whose handler looked at the recorded answer (<see cref="Answers.Assisted"/>).</summary>
    public int Assisted { get; set; }

    public int Skipped => _skips.Values.Sum();

    public int Records => Passed + Failed + Skipped;

    /// <summary>Skipped records by operation.</summary>
    public IReadOnlyDictionary<string, int> Skips => _skips;

    public void Skip(string op, int count = 1) => _skips[op] = _skips.GetValueOrDefault(op) + count;

    public void Add(Tally other)
    {
        Passed += other.Passed;
        Failed += other.Failed;
        Assisted += other.Assisted;
        foreach ((string op, int count) in other.Skips)
        {
            Skip(op, count);
        }
    }
}
