namespace CocoGuest.RdmaImporter.Keys;

/// <summary>Result of the check of a key on use (S-RDMA-37), in the order of the checks.</summary>
internal enum KeyCheck
{
    Ok,
    UnknownKey,
    OtherPd,
    AccessDenied,
    Invalidated,
    OutOfRange,
}
