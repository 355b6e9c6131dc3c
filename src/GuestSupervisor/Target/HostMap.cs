using System.Globalization;

namespace CocoGuest.Supervisor.Target;

/// <summary>A line of /proc/PID/maps that shows a file.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">First address behind it.</param>
/// <param name="Rights">As the kernel writes them: <c>rw-s</c>.</param>
/// <param name="Offset">Byte offset in the file.</param>
/// <param name="File">The file.</param>
/// <param name="Name">Its path.</param>
internal sealed record HostMap(ulong Start, ulong End, string Rights, ulong Offset, FileIdentity File, string Name)
{
    /// <summary>Parses a line; null for anonymous memory and what is no line.</summary>
    public static HostMap? Parse(string line)
    {
        string[] words = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < 5 || words[4] == "0")
        {
            return null;
        }

        string[] range = words[0].Split('-');
        string[] device = words[3].Split(':');
        return new HostMap(
            Hex(range[0]), Hex(range[1]), words[1], Hex(words[2]),
            new FileIdentity(DeviceNumber(Hex(device[0]), Hex(device[1])), ulong.Parse(words[4], CultureInfo.InvariantCulture)),
            words.Length == 6 ? words[5].Trim() : "");
    }

    // As stat encodes major and minor.
    private static ulong DeviceNumber(ulong major, ulong minor) =>
        ((major & 0xfff) << 8) | (minor & 0xff) | ((minor & ~0xffUL) << 12) | ((major & ~0xfffUL) << 32);

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
