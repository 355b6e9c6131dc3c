using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState;

/// <summary>Counts the frames that are shared right now, also after conversions that failed half-way, and passes the news on.</summary>
/// <param name="next">Who is told after it: the memory, which gives the frames their new contents.</param>
internal sealed class SharedFrameCounter(IConversionObserver next) : IConversionObserver
{
    /// <summary>Frames on the shared side.</summary>
    public ulong Frames { get; private set; }

    /// <inheritdoc/>
    public void Changed(FrameRange range, ConversionDirection direction)
    {
        if (direction == ConversionDirection.ToShared)
        {
            Frames += range.Count;
        }
        else
        {
            Frames -= range.Count;
        }

        next.Changed(range, direction);
    }
}
