using System.Globalization;

namespace CocoGuest.Cli.Show;

/// <summary>Numbers of bytes as people read them: a unit, and no more than three digits that say something.</summary>
internal static class Amounts
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB"];

    /// <summary>As <c>64 KiB</c>, <c>3.75 GiB</c>, <c>256 MiB</c>. Rounded where it has to be; JSON has every byte.</summary>
    public static string Bytes(ulong bytes)
    {
        int unit = 0;
        double amount = bytes;
        while (amount >= 1024 && unit + 1 < Units.Length)
        {
            amount /= 1024;
            unit++;
        }

        string format = amount >= 100 ? "0" : amount >= 10 ? "0.#" : "0.##";
        return $"{amount.ToString(format, CultureInfo.InvariantCulture)} {Units[unit]}";
    }
}
