namespace CocoGuest.Machine.PageState.Wire;

/// <summary>Result codes of the instructions on RMP entries (S-SNP-03, 05, 10).</summary>
public static class RmpCodes
{
    /// <summary>Done.</summary>
    public const uint Ok = 0;

    /// <summary>The input makes no sense, such as a misaligned address or an entry that cannot be changed so.</summary>
    public const uint BadInput = 1;

    /// <summary>RMPUPDATE: an entry of another size overlaps.</summary>
    public const uint Overlap = 4;

    /// <summary>PVALIDATE: the entry has another size.</summary>
    public const uint SizeMismatch = 6;
}
