namespace CocoGuest.Machine.Memory;

/// <summary>
/// What the bytes of a page are through its new view, right after a conversion. The engine does the ciphering (S-ENC-06).
/// </summary>
public enum ContentsRule
{
    /// <summary>The bytes stay readable as they were.</summary>
    Kept = 0,
    /// <summary>One backing, converted in place: the ciphertext of the old plain text.</summary>
    CiphertextOfOldPlain = 1,
    /// <summary>One backing, converted in place: the decryption of the old plain text.</summary>
    DecryptionOfOldPlain = 2,
    /// <summary>Zeros: a new shared backing, or cleared by accept.</summary>
    Zeros = 3,
    /// <summary>A new private backing of zeros, read through the cipher.</summary>
    DecryptionOfZeros = 4,
    /// <summary>The shared backing that the VMM kept, with what it held when the page was last shared; zeros if it never was.</summary>
    OldSharedContents = 5,
    /// <summary>The private backing that the VMM kept, with what it held when the page was last private (S-SNP-32).</summary>
    OldPrivateContents = 6,
}
