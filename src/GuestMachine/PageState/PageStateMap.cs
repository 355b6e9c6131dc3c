using System.Runtime.CompilerServices;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState;

/// <summary>
/// One state byte per frame (S-PLAT-04). Zero is the boot state, so memory of the map that no conversion has touched costs nothing but
/// address space. Look-ups are a byte read and may run beside a conversion.
/// </summary>
public sealed class PageStateMap
{
    private const ulong MaxFrames = 1UL << 30;

    private readonly byte[] _words;

    internal PageStateMap(ulong frames)
    {
        ArgumentOutOfRangeException.ThrowIfZero(frames);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(frames, MaxFrames);
        _words = new byte[frames];
    }

    /// <summary>Frames of the guest.</summary>
    public ulong Frames => (ulong)_words.Length;

    /// <summary>True when the frame's condition is Shared. A frame outside the guest is misuse (index out of range).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsShared(ulong frame) => (_words[frame] & PageWord.Shared) != 0;

    /// <summary>Column of the view matrix. A frame outside the guest is misuse.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public PageCondition ConditionOf(ulong frame)
    {
        int word = _words[frame];
        return (word & PageWord.Shared) != 0 ? PageCondition.Shared : (PageCondition)(word & PageWord.Unvalidated);
    }

    /// <summary>
    /// Length of the run from the range's first frame, at most the range, whose frames are all shared or all not shared. For callers
    /// that work through a buffer by equal condition.
    /// </summary>
    public ulong CountSameSharing(FrameRange range)
    {
        ReadOnlySpan<byte> words = Words(range);
        return words.IsEmpty ? 0 : (ulong)WordBits.CountEqual(words, PageWord.Shared, (byte)(words[0] & PageWord.Shared));
    }

    internal byte Word(ulong frame) => _words[frame];

    internal Span<byte> Words(FrameRange range)
    {
        if (range.First > Frames || range.Count > Frames - range.First)
            ThrowOutside(range);
        return _words.AsSpan((int)range.First, (int)range.Count);
    }

    /// <summary>
    /// Moves the frames that are not yet on the wanted side: sets and clears bits there, and tells the observer run by run.
    /// </summary>
    internal void Flip(FrameRange range, ConversionDirection direction, byte set, byte clear, IConversionObserver? observer)
    {
        Span<byte> words = Words(range);
        byte now = direction == ConversionDirection.ToShared ? PageWord.Shared : (byte)0;
        byte before = (byte)(now ^ PageWord.Shared);
        for (int at = 0; ;)
        {
            at += WordBits.CountEqual(words[at..], PageWord.Shared, now);
            if (at == words.Length)
                return;
            int length = WordBits.CountEqual(words[at..], PageWord.Shared, before);
            WordBits.Change(words.Slice(at, length), set, clear);
            observer?.Changed(new FrameRange(range.First + (ulong)at, (ulong)length), direction);
            at += length;
        }
    }

    private static void ThrowOutside(FrameRange range) =>
        throw new ArgumentOutOfRangeException(nameof(range), range, "The frames are not all inside the guest.");
}
