using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Memory.Store;

/// <summary>A part of a buffer's memfd whose frames are private at the moment: their bytes are in the store.</summary>
/// <param name="Backing">The memfd's owner.</param>
/// <param name="Slot">Its slot in the chunk map.</param>
/// <param name="Frames">The frames.</param>
/// <param name="Page">Page of the backing where the first frame belongs.</param>
/// <param name="Punched">The memfd's pages are gone already.</param>
internal readonly record struct BackingHole(MemoryBacking Backing, int Slot, FrameRange Frames, ulong Page, bool Punched);
