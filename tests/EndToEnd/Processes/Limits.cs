namespace CocoGuest.Tests.EndToEnd.Processes;

/// <summary>Times of these tests.</summary>
internal static class Limits
{
    /// <summary>How long anything may take before a test calls it stuck. Says nothing about speed.</summary>
    public static readonly TimeSpan Stuck = TimeSpan.FromSeconds(60);

    /// <summary>How long a client may be left in the dark about the end of its server: a promise of the project.</summary>
    public static readonly TimeSpan ToldOfServerEnd = TimeSpan.FromSeconds(1);
}
