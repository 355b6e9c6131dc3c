namespace CocoGuest.Tests.Conformance.Docs.Coverage;

/// <summary>Statements without a test, and why. A statement leaves this table when a test cites it.</summary>
internal static class OutOfScope
{
    /// <summary>Number to reason, one sentence each.</summary>
    public static IReadOnlyDictionary<string, string> Reasons { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
    };
}
