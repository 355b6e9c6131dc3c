namespace CocoGuest.Tests.EndToEnd.Foreign;

/// <summary>A test that needs foreign tools; skipped, with the reason, where one is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ForeignFactAttribute : FactAttribute
{
    /// <summary>A test.</summary>
    /// <param name="tools">What it needs.</param>
    public ForeignFactAttribute(ForeignTool tools)
    {
        Tools = tools;
        Skip = ForeignTools.SkipReason(tools);
    }

    /// <summary>What it needs.</summary>
    public ForeignTool Tools { get; }
}
