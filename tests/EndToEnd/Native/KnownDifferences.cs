using CocoGuest.Tests.Replay;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary>
/// The records of each boot that the probe sees otherwise than the recorded kernel did: <c>probe-differences.txt</c>, by reason. Whatever
/// else differs is a mistake, and so is a listed record that no longer differs: the list only shrinks. A reason that begins with
/// <c>host:</c> holds on some hosts only, so its records may be equal.
/// </summary>
internal sealed class KnownDifferences
{
    private const char ReasonMark = '=';
    private const string OfHost = "host:";
    private readonly HashSet<string> _always = new(StringComparer.Ordinal);
    private readonly HashSet<string> _sometimes = new(StringComparer.Ordinal);

    private KnownDifferences()
    {
    }

    /// <summary>Those of a boot, from lines <c>= REASON</c> and, below, <c>PLACE FIELD: BOOT BOOT …</c>.</summary>
    public static KnownDifferences Of(string boot, IEnumerable<string> lines)
    {
        var known = new KnownDifferences();
        HashSet<string>? current = null;
        foreach (string line in lines.Where(l => l.Length != 0 && l[0] != '#'))
        {
            if (line[0] == ReasonMark)
            {
                current = line[1..].TrimStart().StartsWith(OfHost, StringComparison.Ordinal) ? known._sometimes : known._always;
            }
            else if (line.Split(": ") is [{ } record, { } boots] && current is not null)
            {
                if (boots.Split(' ').Contains(boot))
                {
                    current.Add(record);
                }
            }
            else
            {
                throw new FormatException($"No reason and no record: {line}");
            }
        }

        return known;
    }

    /// <summary>What is not as the list says, a line each; none: all is.</summary>
    public IEnumerable<string> Complaints(IEnumerable<Difference> seen)
    {
        var differing = new HashSet<string>(StringComparer.Ordinal);
        foreach (Difference difference in seen)
        {
            string record = $"{difference.Record.Place} {difference.Field}";
            differing.Add(record);
            if (!_always.Contains(record) && !_sometimes.Contains(record))
            {
                yield return $"differs and is not listed: {record}: want {difference.Want} got {difference.Got}";
            }
        }

        foreach (string record in _always.Where(r => !differing.Contains(r)))
        {
            yield return $"listed and does not differ any more: {record}";
        }
    }
}
