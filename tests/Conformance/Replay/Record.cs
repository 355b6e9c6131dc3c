using System.Text.Json;

namespace CocoGuest.Tests.Replay;

/// <summary>One line of a recording: an operation on a real kernel and what came of it.</summary>
/// <param name="Family">Which kind of scenario.</param>
/// <param name="Case">Lines of one case are one scenario, in order.</param>
/// <param name="Step">Number in the case.</param>
/// <param name="Boot">Name of the boot it was recorded in.</param>
/// <param name="Op">The operation.</param>
/// <param name="In">Its arguments.</param>
/// <param name="Out">What was observed.</param>
/// <param name="Unstable">Names of observed fields that differed in a second run; <c>*</c>: all of them. Null: none.</param>
internal sealed record Record(
    string Family, string Case, int Step, string Boot, string Op, JsonElement In, JsonElement Out, IReadOnlyList<string>? Unstable)
{
    /// <summary>Where it stands, for messages.</summary>
    public string Place => $"{Case} step {Step} {Op}";
}
