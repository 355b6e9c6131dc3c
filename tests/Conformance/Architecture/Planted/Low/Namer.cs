using CocoGuest.Tests.Conformance.Architecture.Planted.High;

namespace CocoGuest.Tests.Conformance.Architecture.Planted.Low;

/// <summary>Goes the wrong way, inside a lambda of a method's body, and nowhere else: the checker has to see it.</summary>
internal static class Namer
{
    public static Func<int> Count() => () => Named.Count;
}
