namespace CocoGuest.Tests.Conformance.Docs.Coverage;

/// <summary>On what a statement stands, best first (docs/reference/README.md, "How to read a statement").</summary>
internal enum Evidence
{
    /// <summary>A real recorded kernel run exercises it: mark [R], or a family of <see cref="RecordedFamilies"/>.</summary>
    Recorded,

    /// <summary>Read in source text or in a merged patch: [C], [P].</summary>
    Read,

    /// <summary>Recorded in the lab only: the series ported by hand, or merged code on a fake platform.</summary>
    Lab,

    /// <summary>Derived from other statements: [D].</summary>
    Derived,

    /// <summary>Believed, not read: [B].</summary>
    Believed,

    /// <summary>Our choice where Linux leaves it open: [E].</summary>
    OurChoice,
}
