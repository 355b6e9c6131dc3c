namespace CocoGuest.Tests.Conformance.Architecture;

/// <summary>A type that names a type of another namespace.</summary>
/// <param name="From">Namespace of the one that names.</param>
/// <param name="To">Namespace of the one that is named.</param>
/// <param name="Where">The member, for people.</param>
/// <param name="What">The type that is named.</param>
public readonly record struct NamespaceUse(string From, string To, string Where, string What);
