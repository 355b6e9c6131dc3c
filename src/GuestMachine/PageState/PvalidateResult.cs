namespace CocoGuest.Machine.PageState;

/// <summary>What a PVALIDATE reports, as far as Linux acts on it (S-SNP-10, 11).</summary>
internal enum PvalidateResult
{
    /// <summary>Code 0 without the carry flag.</summary>
    Done = 0,

    /// <summary>Code 6: the entry has another size. Of 2 MiB: 512 single ones follow; of 4 KiB: the guest terminates.</summary>
    SizeMismatch = 6,

    /// <summary>Code 0 with the carry flag, which Linux turns into 255: the guest terminates.</summary>
    NoChange = 255,
}
