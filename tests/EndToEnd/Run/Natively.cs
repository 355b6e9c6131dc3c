using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>A shell script that runs programs by <c>$RUN</c>: with nothing in it natively, else under <c>coco run</c>.
/// <c>$ROOT</c> is the variable by which coco finds its runtime, if it needs one.</summary>
internal static class Natively
{
    private const string Root = "ROOT=${DOTNET_ROOT:+DOTNET_ROOT=$DOTNET_ROOT}\n";

    /// <summary>What the script prints, on both streams, under <c>coco run</c>, and without.</summary>
    public static async Task<(string Under, string Without)> BothAsync(string script, params (string Name, string Value)[] variables) =>
        (await RunAsync(script, $"{Programs.Coco} run --platform none --quiet --", variables), await RunAsync(script, "", variables));

    private static async Task<string> RunAsync(string script, string run, (string Name, string Value)[] variables) =>
        (await ChildProgram.RunAsync("/bin/bash", ["-c", Root + script], [("RUN", run), .. variables])).Said;
}
