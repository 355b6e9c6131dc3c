using System.Text;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>
/// Recognisable secrets: 16 ASCII characters, of which the first eight are the same in all. Data that is no secret
/// (<see cref="Public"/>) has only bytes above 0x7f, so it can damage a secret but never make one.
/// </summary>
internal sealed class Markers(int seed)
{
    public const int Length = 16;
    private readonly Random _random = new(seed);
    private readonly List<byte[]> _declassified = [];

    /// <summary>How every secret starts.</summary>
    public static ReadOnlySpan<byte> Magic => "S3cr3t!#"u8;

    /// <summary>The same as text.</summary>
    public static string MagicText => Encoding.ASCII.GetString(Magic);

    /// <summary>Bytes of secret: one new marker again and again.</summary>
    public byte[] Secret(int length)
    {
        byte[] marker = new byte[Length];
        Magic.CopyTo(marker);
        for (int i = Magic.Length; i < Length; i++)
        {
            marker[i] = (byte)_random.Next('a', 'z' + 1);
        }

        return [.. Enumerable.Range(0, length).Select(i => marker[i % Length])];
    }

    /// <summary>Bytes that anybody may see.</summary>
    public byte[] Public(int length)
    {
        byte[] bytes = new byte[length];
        _random.NextBytes(bytes);
        return Array.ConvertAll(bytes, b => (byte)(b | 0x80));
    }

    /// <summary>Linux copied these bytes into bounce slots: the markers in them may be found in the pool from now on (S-SWI-35).</summary>
    public void Declassify(ReadOnlySpan<byte> bytes)
    {
        for (int at = Next(bytes, 0); at >= 0; at = Next(bytes, at + 1))
        {
            byte[] id = bytes.Slice(at, Math.Min(Length, bytes.Length - at)).ToArray();
            if (!_declassified.Exists(d => d.AsSpan().SequenceEqual(id)))
            {
                _declassified.Add(id);
            }
        }
    }

    /// <summary>
    /// True when Linux copied this marker into the pool. Its end may be another's bytes by now: a device damaged it, or the marker ran on
    /// in another chunk of its buffer, and what lies behind its first half are zeros of a slot that was never used.
    /// </summary>
    public bool IsDeclassified(ReadOnlySpan<byte> found)
    {
        int intact = found[Magic.Length..].IndexOfAnyExceptInRange((byte)'a', (byte)'z');
        byte[] prefix = (intact < 0 ? found : found[..(Magic.Length + intact)]).ToArray();
        return _declassified.Exists(d => d.AsSpan().CommonPrefixLength(prefix) == Math.Min(d.Length, prefix.Length));
    }

    /// <summary>Where the next marker starts, or -1.</summary>
    public static int Next(ReadOnlySpan<byte> bytes, int from)
    {
        int at = from >= bytes.Length ? -1 : bytes[from..].IndexOf(Magic);
        return at < 0 ? -1 : from + at;
    }
}
