namespace CocoGuest.Tests.Conformance.Docs.Coverage;

/// <summary>Where a statement stands.</summary>
internal enum CoverageStatus
{
    /// <summary>A test cites it.</summary>
    Covered,

    /// <summary>No test, for the reason given in <see cref="OutOfScope"/>.</summary>
    OutOfScope,

    /// <summary>No test and no reason.</summary>
    Open,

    /// <summary>Found wrong; another number replaces it.</summary>
    StruckOut,
}
