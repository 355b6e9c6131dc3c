namespace CocoGuest.Tests.Conformance.Docs.Coverage;

/// <summary>One numbered statement of docs/reference.</summary>
/// <param name="Id">Its number, <c>S-DMA-31</c>.</param>
/// <param name="File">File name without folder.</param>
/// <param name="Marks">Its marks, <c>CR</c> for [C][R]; those of the file if it has none of its own.</param>
/// <param name="IsStruck">It was found wrong and stands only for its number.</param>
internal sealed record ReferenceStatement(string Id, string File, string Marks, bool IsStruck)
{
    /// <summary>The best evidence that its marks and the recordings give.</summary>
    public Evidence Evidence =>
        RecordedFamilies.InReal(Id, Marks.Contains('R')) ? Evidence.Recorded
        : Marks.IndexOfAny(['C', 'P']) >= 0 ? Evidence.Read
        : RecordedFamilies.InLab(Id) ? Evidence.Lab
        : ByMark(Marks[0]);

    private static Evidence ByMark(char mark) => mark switch
    {
        'D' => Evidence.Derived,
        'B' => Evidence.Believed,
        'E' => Evidence.OurChoice,
        _ => throw new ArgumentOutOfRangeException(nameof(mark), mark, "not a mark of docs/reference/README.md"),
    };
}
