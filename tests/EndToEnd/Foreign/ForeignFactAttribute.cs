using System.Runtime.CompilerServices;

namespace CocoGuest.Tests.EndToEnd.Foreign;

/// <summary>A test that needs foreign tools; skipped, with the reason, where one is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ForeignFactAttribute : FactAttribute
{
    /// <summary>A test.</summary>
    /// <param name="tools">What it needs.</param>
    /// <param name="file">Given by the compiler: where the test is.</param>
    /// <param name="line">As well.</param>
    public ForeignFactAttribute(ForeignTool tools, [CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        Tools = tools;
        Skip = ForeignTools.SkipReason(tools);
    }

    /// <summary>What it needs.</summary>
    public ForeignTool Tools { get; }
}
