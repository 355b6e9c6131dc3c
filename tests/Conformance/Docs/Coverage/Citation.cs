namespace CocoGuest.Tests.Conformance.Docs.Coverage;

/// <summary>One statement number in one attribute.</summary>
/// <param name="Id">The number cited.</param>
/// <param name="Test">Class and method, or the class, that carries the attribute; the line of source if it is neither.</param>
/// <param name="File">Path of the source file below tests/.</param>
/// <param name="IsTest">What carries it is a test, or a class with tests.</param>
internal sealed record Citation(string Id, string Test, string File, bool IsTest);
