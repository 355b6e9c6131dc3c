using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Memory;

/// <summary>
/// Told of every run of frames that really changed between private and shared, at the moment it does and also when the conversion as a
/// whole fails later. The owner of the memory applies <see cref="ContentsAfterConversion"/> to the run.
/// </summary>
public interface IConversionObserver
{
    /// <summary>The run has changed sides; frames of the call that already were on that side are not in it.</summary>
    /// <param name="range">Frames that changed.</param>
    /// <param name="direction">The side they are on now.</param>
    void Changed(FrameRange range, ConversionDirection direction);
}
