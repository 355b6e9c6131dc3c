using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary><c>coco run OPTIONS -- PROGRAM</c>.</summary>
internal static class CocoRun
{
    /// <summary>A plain guest of kernel 7.2 with a CMA area.</summary>
    public static readonly string[] Plain = ["--strict", "--platform", "none", "--kernel", "7.2", "--memory", "512M", "--cma", "64M"];

    /// <summary>Runs a program to its end.</summary>
    /// <returns>Its exit code, all of stdout, and all that was said on both.</returns>
    public static Task<(int ExitCode, string Output, string Said)> RunAsync(IEnumerable<string> options, params string[] program) =>
        ChildProgram.RunAsync(Programs.Coco, ["run", .. options, "--", .. program]);

    /// <summary>The lines of an output by their first words.</summary>
    public static Dictionary<string, string> Fields(string output) =>
        output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ', 2)).Where(words => words.Length == 2)
            .ToDictionary(words => words[0], words => words[1].TrimEnd(), StringComparer.Ordinal);
}
