using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState.Trackers;

/// <summary>What a changed direct-map entry means for the state bytes: on SEV it is the conversion itself (S-SEV-01).</summary>
internal interface IEntryWriter
{
    /// <summary>Writes the new direct-map state of the frames.</summary>
    void WriteEntries(FrameRange range, ConversionDirection direction);
}
