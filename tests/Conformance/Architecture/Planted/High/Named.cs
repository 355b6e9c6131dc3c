namespace CocoGuest.Tests.Conformance.Architecture.Planted.High;

/// <summary>What stands above.</summary>
internal static class Named
{
    public static int Count { get; } = 1;
}
