using System.CommandLine;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Cli;

/// <summary>
/// Options whose values are the machine's words for platforms and kernels. The help lists the words of the machine that this program is
/// built with; who makes the guest, this program or a server, decides about a word, and lists them again where it refuses one.
/// </summary>
internal static class ShapeWordOptions
{
    /// <summary>Names a platform; empty where it was not given.</summary>
    public static Option<string> Platform() => Make("--platform", ShapeWords.Platforms, ShapeWords.DefaultPlatform);

    /// <summary>Names a kernel; empty where it was not given.</summary>
    public static Option<string> Kernel() => Make("--kernel", ShapeWords.Kernels, ShapeWords.DefaultKernel);

    private static Option<string> Make(string name, string words, string otherwise) =>
        new(name) { Description = $"{words}. Default: {otherwise}.", DefaultValueFactory = _ => "" };
}
