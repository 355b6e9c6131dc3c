using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.PageState;

/// <summary>Counts the frames that are shared right now, also after conversions that failed half-way.</summary>
internal sealed class SharedFrameCounter : IConversionObserver
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
    }
}
