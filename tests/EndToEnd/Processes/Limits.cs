namespace CocoGuest.Tests.EndToEnd.Processes;

/// <summary>Times of these tests.</summary>
internal static class Limits
{
    /// <summary>
    /// How long anything may take before a test calls it stuck and says what it waited for. Says nothing about speed: a machine with much
    /// else to do takes a multiple of what an idle one takes.
    /// </summary>
    public static readonly TimeSpan Stuck = TimeSpan.FromMinutes(5);
}
