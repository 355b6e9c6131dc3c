namespace CocoGuest.Machine.Memory.Frames;

/// <summary>What the private store holds for a frame.</summary>
[Flags]
internal enum FrameFlags : byte
{
    /// <summary>
    /// Nobody wrote the frame since the host backed it: DRAM holds zeros, which a private view decrypts to garbage (S-PLAT-21).
    /// The store's bytes are zero and mean nothing.
    /// </summary>
    None = 0,

    /// <summary>The store holds the frame's plain text.</summary>
    Plain = 1,

    /// <summary>The store may hold other bytes than zero, so an allocation that wants zeros has to clear it.</summary>
    Dirty = 2,
}
