namespace CocoGuest.Machine.Memory.Store;

/// <summary>What lies between stored bytes and what an accessor sees of them.</summary>
internal enum Transform
{
    /// <summary>The bytes as stored.</summary>
    None,

    /// <summary>Stored plain text, seen as ciphertext.</summary>
    Encrypt,

    /// <summary>Stored plain text of a shared page, seen through a view that decrypts.</summary>
    Decrypt,

    /// <summary>Zeros, whatever is stored.</summary>
    Zeros,

    /// <summary>0xff, whatever is stored.</summary>
    Ones,
}
