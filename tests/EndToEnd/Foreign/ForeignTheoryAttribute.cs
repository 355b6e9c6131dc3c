namespace CocoGuest.Tests.EndToEnd.Foreign;

/// <summary>A theory that needs foreign tools; skipped, with the reason, where one is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ForeignTheoryAttribute : TheoryAttribute
{
    /// <summary>A theory.</summary>
    /// <param name="tools">What it needs.</param>
    public ForeignTheoryAttribute(ForeignTool tools)
    {
        Tools = tools;
        Skip = ForeignTools.SkipReason(tools);
    }

    /// <summary>What it needs.</summary>
    public ForeignTool Tools { get; }
}
