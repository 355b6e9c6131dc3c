namespace CocoGuest.Tests.Replay;

/// <summary>What became of the records of a family, or of all.</summary>
internal sealed class Tally
{
    private readonly Dictionary<string, int> _skips = new(StringComparer.Ordinal);

    public int Passed { get; set; }

    public int Failed { get; set; }

    public int Skipped => _skips.Values.Sum();

    public int Records => Passed + Failed + Skipped;

    /// <summary>Skipped records by row of <see cref="NotModelled"/>.</summary>
    public IReadOnlyDictionary<string, int> Skips => _skips;

    public void Skip(string row, int count = 1) => _skips[row] = _skips.GetValueOrDefault(row) + count;

    public void Add(Tally other)
    {
        Passed += other.Passed;
        Failed += other.Failed;
        foreach ((string row, int count) in other.Skips)
        {
            Skip(row, count);
        }
    }
}
