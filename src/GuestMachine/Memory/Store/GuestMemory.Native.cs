using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Frames;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Machine.Memory.Store;

/// <summary>
/// Frames whose bytes are pages of a memfd of the host (S-BUF-114): the store has those pages in their place.
/// Models: one memory for programs, devices and the guest. Does not model: huge pages at odd places (EINVAL of the host).
/// </summary>
/// <remarks>
/// The memfd is sealed against shrinking, so no access to the store can end in SIGBUS. The frames are dirty for good: whoever gets them
/// next has them cleared, also of what a copy still in flight wrote after they were taken back.
/// </remarks>
internal sealed partial class GuestMemory
{
    /// <summary>The frames of single pages show a file from an offset on, and its bytes at once.</summary>
    /// <returns>The errno of the host; then nothing changed.</returns>
    public Failure? Cover(Chunk[] frames, SafeFileHandle file, ulong offset)
    {
        for (int first = 0; first < frames.Length;)
        {
            int count = RunFrom(frames, first);
            if (_store.Mapping.CoverPrivate(
                frames[first].Address, file, offset + Page.AddressOf((ulong)first), Page.AddressOf((ulong)count)) is { } failure)
            {
                Uncover(frames[..first]);
                return failure;
            }

            MarkWritten(frames[first].Address, Page.AddressOf((ulong)count));
            first += count;
        }

        return null;
    }

    /// <summary>The frames are memory of the guest's own again, which reads zero.</summary>
    /// <returns>False: the host refused, and some of them still show the file.</returns>
    public bool Uncover(Chunk[] frames)
    {
        bool all = true;
        for (int first = 0; first < frames.Length && !_disposed;)
        {
            int count = RunFrom(frames, first);
            all &= _store.Mapping.UncoverPrivate(frames[first].Address, Page.AddressOf((ulong)count));
            first += count;
        }

        return all;
    }

    // Pages that follow one another in the guest as they do in the file are one call of the host, and one of its mappings.
    private static int RunFrom(Chunk[] frames, int first)
    {
        int count = 1;
        while (first + count < frames.Length && frames[first + count].Frame == frames[first].Frame + (ulong)count)
        {
            count++;
        }

        return count;
    }
}
