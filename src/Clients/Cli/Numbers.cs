using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace CocoGuest.Cli;

/// <summary>Numbers as people type them: decimal, 0x for hexadecimal, and K, M, G for binary multiples.</summary>
internal static class Numbers
{
    private static readonly (string Suffix, int Shift)[] Units = [("K", 10), ("M", 20), ("G", 30), ("T", 40)];

    /// <summary>Reads a number; false when it is none or exceeds 64 bits.</summary>
    public static bool TryParse(string text, out ulong number)
    {
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number);
        foreach ((string? suffix, int shift) in Units)
        {
            if (!text.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
                continue;
            bool ok = ulong.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out number)
                && number <= ulong.MaxValue >> shift;
            number <<= shift;
            return ok;
        }

        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }

    /// <summary>An argument that is a number.</summary>
    public static Argument<ulong> Argument(string name, string description) =>
        new(name) { Description = description, CustomParser = result => Parse(result) };

    /// <summary>An option that is a number, and its default.</summary>
    public static Option<ulong> Option(string name, string description, ulong otherwise = 0) =>
        new(name) { Description = description, CustomParser = result => Parse(result), DefaultValueFactory = _ => otherwise };

    /// <summary>An option that is a number or not given.</summary>
    public static Option<ulong?> Optional(string name, string description) =>
        new(name) { Description = description, CustomParser = result => Parse(result) };

    private static ulong Parse(ArgumentResult result)
    {
        string text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        if (!TryParse(text, out ulong number))
            result.AddError($"{NameOf(result)}: '{text}' is no number; numbers are decimal, 0x..., or end in K, M, G or T.");
        return number;
    }

    private static string NameOf(ArgumentResult result) => result.Parent is OptionResult option ? option.Option.Name : result.Argument.Name;
}
