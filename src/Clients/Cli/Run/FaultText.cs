using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;

namespace CocoGuest.Cli.Run;

/// <summary>
/// A fault on the command line: a point and the kernel's attributes, <c>fail_decrypt:probability=100,times=1,errno=EIO</c>.
/// </summary>
internal static class FaultText
{
    private static readonly Dictionary<string, Func<FaultSpec, string, FaultSpec>> Attributes = new(StringComparer.Ordinal)
    {
        ["probability"] = (f, v) => f with { Probability = Number<uint>(v) },
        ["interval"] = (f, v) => f with { Interval = Number<ulong>(v) },
        ["times"] = (f, v) => f with { Times = Number<long>(v) },
        ["space"] = (f, v) => f with { Space = Number<ulong>(v) },
        ["min-order"] = (f, v) => f with { MinOrder = Number<uint>(v) },
        ["seed"] = (f, v) => f with { Seed = Number<ulong>(v) },
        ["errno"] = (f, v) => f with { Errno = ErrnoOf(v) },
    };

    /// <summary>Parses one.</summary>
    /// <exception cref="FormatException">It cannot be read; the message says what is wrong and what there is.</exception>
    public static FaultSpec Parse(string text)
    {
        string[] parts = text.Split(':', 2);
        FaultPointInfo point = FaultPointInfo.Find(parts[0])
            ?? throw Wrong($"there is no fault point '{parts[0]}'; there are {string.Join(", ", FaultPointInfo.All.Select(p => p.Name))}.");
        var spec = new FaultSpec(point.Point);
        foreach (string attribute in parts.Length == 2 ? parts[1].Split(',') : [])
        {
            string[] pair = attribute.Split('=', 2);
            spec = pair.Length == 2 && Attributes.TryGetValue(pair[0].Replace('_', '-'), out Func<FaultSpec, string, FaultSpec>? set)
                ? set(spec, pair[1])
                : throw Wrong($"'{attribute}' is no attribute; there are {string.Join(", ", Attributes.Keys)}, each as name=value.");
        }

        return spec;
    }

    private static Errno ErrnoOf(string text) =>
        Enum.TryParse(text, out Errno errno) && Enum.IsDefined(errno) ? errno : throw Wrong($"'{text}' is no errno.");

    private static T Number<T>(string text)
        where T : IParsable<T> =>
        T.TryParse(text, CultureInfo.InvariantCulture, out T? number)
            ? number
            : throw Wrong($"'{text}' is not a number of the attribute's kind.");

    private static FormatException Wrong(string sentence) => new($"--fault: {sentence}");
}
