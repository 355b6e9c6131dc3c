namespace CocoGuest.Machine.Memory;

/// <summary>Which way a conversion goes.</summary>
public enum ConversionDirection
{
    /// <summary><c>set_memory_decrypted</c>.</summary>
    ToShared = 0,
    /// <summary><c>set_memory_encrypted</c>.</summary>
    ToPrivate = 1,
}
