using System.Text.RegularExpressions;

namespace CocoGuest.Tests.Conformance.Native;

/// <summary>
/// Native functions that sources declare, and what they use of <c>src/Linux</c>, read from the text. Does not model: function pointers.
/// </summary>
internal static partial class NativeDeclarations
{
    /// <summary>Names of the functions that a text declares by LibraryImport or DllImport.</summary>
    public static IEnumerable<string> In(string text) => Declaration().Matches(text).Select(m => m.Groups["name"].Value);

    /// <summary>Rooms of CocoGuest.Linux that a text of another namespace names; empty for the root.</summary>
    public static IEnumerable<string> RoomsIn(string text) => Room().Matches(text).Select(m => m.Groups["room"].Value);

    // An attribute begins its line; in a string, as tests have it, it does not.
    [GeneratedRegex(
        """^\s*\[[^\]"]*\b(?:Library|Dll)Import(?:Attribute)?\s*\((?:[^)]*?EntryPoint\s*=\s*"(?<name>\w+)")?""",
        RegexOptions.Multiline)]
    private static partial Regex Declaration();

    [GeneratedRegex("""\bCocoGuest\.Linux\b(?:\.(?<room>\w+))?|\bLinux\.(?<room>[A-Z]\w*)""")]
    private static partial Regex Room();
}
