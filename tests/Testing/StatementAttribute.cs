namespace CocoGuest.Tests.Testing;

/// <summary>
/// Says which numbered statements of docs/reference a test pins, so that a reader goes from a statement to its test and back.
/// </summary>
/// <param name="ids">Statement numbers such as <c>S-DMA-31</c>.</param>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class, AllowMultiple = true)]
public sealed class StatementAttribute(params string[] ids) : Attribute
{
    /// <summary>The statement numbers.</summary>
    public IReadOnlyList<string> Ids { get; } = ids;
}
