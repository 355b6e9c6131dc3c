using System.Globalization;
using System.Text;
using System.Xml;

namespace CocoGuest.Supervisor.Reports;

/// <summary>
/// Text that programs had a hand in, such as their names, for a terminal and for XML: what controls the one and cannot stand in the other
/// is written as its number.
/// </summary>
public static class Printable
{
    /// <summary>One line of it.</summary>
    public static string Of(string text)
    {
        var printable = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool plain = !Rune.IsControl(rune) && (!rune.IsBmp || XmlConvert.IsXmlChar((char)rune.Value));
            _ = plain ? printable.Append(rune) : printable.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}");
        }

        return printable.ToString();
    }
}
