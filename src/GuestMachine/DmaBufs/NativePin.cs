using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// Guest frames whose bytes are pages of a memfd of the host (S-BUF-114):
/// what programs write to the memfd, the guest's devices read, and back.
/// Models: frames of the udmabuf's own, one a page. Does not model: that two udmabufs of one page have the same frame.
/// </summary>
internal sealed class NativePin(GuestMemory memory, GuestPages pages, Chunk[] frames, NativePiece piece) : IUdmabufPin
{
    /// <summary>What is shown.</summary>
    public NativePiece Piece { get; } = piece;

    /// <inheritdoc/>
    public void Release()
    {
        // Frames that could not be taken from the memfd would show it to whoever gets them next: better never again.
        if (memory.Uncover(frames))
        {
            pages.Free(frames);
        }
    }
}
