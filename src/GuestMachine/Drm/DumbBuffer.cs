namespace CocoGuest.Machine.Drm;

/// <summary>What CREATE_DUMB gives.</summary>
/// <param name="Handle">Handle of the new object.</param>
/// <param name="Pitch">Bytes of a row.</param>
/// <param name="Size">Bytes, whole pages.</param>
public readonly record struct DumbBuffer(uint Handle, uint Pitch, ulong Size);
