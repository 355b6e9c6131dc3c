namespace CocoGuest.Tests.Conformance.Docs.Coverage;

/// <summary>
/// Which statement of the reference a test pins, which is out of scope for a reason, and which is open; and what contradicts itself.
/// </summary>
internal sealed class CoverageReport
{
    private readonly ILookup<string, string> _tests;
    private readonly IReadOnlyDictionary<string, string> _outOfScope;
    private readonly IReadOnlyList<Citation> _citations;

    /// <summary>Joins statements, citations and reasons.</summary>
    public CoverageReport(
        IReadOnlyList<ReferenceStatement> statements, IReadOnlyList<Citation> citations, IReadOnlyDictionary<string, string> outOfScope)
    {
        Statements = statements;
        _citations = citations;
        _outOfScope = outOfScope;
        _tests = citations.Where(citation => citation.IsTest).ToLookup(citation => citation.Id, citation => citation.Test);
    }

    /// <summary>The report of this repository.</summary>
    public static CoverageReport OfRepository() => new(
        ReferenceParser.ParseFolder(Path.Combine(Repository.Root, "docs", "reference")),
        CitationScanner.ScanFolder(Path.Combine(Repository.Root, "tests")),
        OutOfScope.Reasons);

    /// <summary>All statements, also those struck out.</summary>
    public IReadOnlyList<ReferenceStatement> Statements { get; }

    /// <summary>Statements that hold and have neither test nor reason.</summary>
    public IEnumerable<string> Open =>
        Statements.Where(statement => StatusOf(statement) == CoverageStatus.Open).Select(statement => statement.Id);

    /// <summary>What makes the page untrue, one sentence each; empty if nothing does.</summary>
    public IReadOnlyList<string> Contradictions =>
        [.. UnknownIds(), .. NotOnTests(), .. Twice(), .. CoveredAndOutOfScope(), .. OfStruckOut()];

    /// <summary>Where a statement stands.</summary>
    public CoverageStatus StatusOf(ReferenceStatement statement) =>
        statement.IsStruck ? CoverageStatus.StruckOut
        : _tests.Contains(statement.Id) ? CoverageStatus.Covered
        : _outOfScope.ContainsKey(statement.Id) ? CoverageStatus.OutOfScope
        : CoverageStatus.Open;

    /// <summary>The tests that pin a statement, by name.</summary>
    public IEnumerable<string> TestsOf(string id) => _tests[id].Distinct().Order(StringComparer.Ordinal);

    /// <summary>Why a statement is out of scope; null if nothing says so.</summary>
    public string? ReasonOf(string id) => _outOfScope.GetValueOrDefault(id);

    private IEnumerable<string> UnknownIds()
    {
        var known = Statements.Select(statement => statement.Id).ToHashSet(StringComparer.Ordinal);
        return _citations.Where(citation => !known.Contains(citation.Id))
            .Select(citation => $"{citation.File}: {citation.Test} cites {citation.Id}, which docs/reference does not have.")
            .Concat(_outOfScope.Keys.Where(id => !known.Contains(id))
                .Select(id => $"The out-of-scope table has {id}, docs/reference has not."));
    }

    private IEnumerable<string> NotOnTests() => _citations.Where(citation => !citation.IsTest)
        .Select(citation => $"{citation.File}: {citation.Id} is cited on what is no test: {citation.Test}");

    private IEnumerable<string> Twice() => Statements.GroupBy(statement => statement.Id).Where(group => group.Count() > 1)
        .Select(group => $"{group.Key} stands {group.Count()} times in docs/reference.");

    private IEnumerable<string> CoveredAndOutOfScope() => _outOfScope.Keys.Where(_tests.Contains)
        .Select(id => $"{id} is out of scope and yet cited by {TestsOf(id).First()}.");

    private IEnumerable<string> OfStruckOut() => Statements
        .Where(statement => statement.IsStruck && (_tests.Contains(statement.Id) || _outOfScope.ContainsKey(statement.Id)))
        .Select(statement => $"{statement.Id} is struck out and yet cited or given a reason.");
}
