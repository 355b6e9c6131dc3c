using System.Globalization;

namespace CocoGuest.Service.Options;

/// <summary>Times as people write them: a number and one of ms, s, m, h.</summary>
internal static class DurationText
{
    private static readonly (string Unit, TimeSpan Size)[] Units =
    [
        ("ms", TimeSpan.FromMilliseconds(1)), ("s", TimeSpan.FromSeconds(1)), ("m", TimeSpan.FromMinutes(1)), ("h", TimeSpan.FromHours(1)),
    ];

    /// <summary>Reads a time; a number without a unit is no time, but 0 is.</summary>
    public static bool TryParse(string text, out TimeSpan time)
    {
        time = TimeSpan.Zero;
        if (text == "0")
        {
            return true;
        }

        foreach ((string unit, TimeSpan size) in Units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && uint.TryParse(text[..^unit.Length], NumberStyles.None, CultureInfo.InvariantCulture, out uint number))
            {
                time = size * number;
                return true;
            }
        }

        return false;
    }

    /// <summary>The shortest text that reads back as the same time, to the millisecond.</summary>
    public static string Format(TimeSpan time)
    {
        (string unit, TimeSpan size) = Units.Last(u => u.Unit == "ms" || (time > TimeSpan.Zero && time.Ticks % u.Size.Ticks == 0));
        return string.Create(CultureInfo.InvariantCulture, $"{time.Ticks / size.Ticks}{unit}");
    }
}
