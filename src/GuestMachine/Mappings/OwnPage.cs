namespace CocoGuest.Machine.Mappings;

/// <summary>
/// A frame of anonymous memory: private memory of the guest, shared between processes after a fork until one of them writes.
/// </summary>
internal sealed class OwnPage(ulong frame)
{
    /// <summary>The frame.</summary>
    public ulong Frame { get; } = frame;

    /// <summary>Address spaces that have it.</summary>
    public int Mappers { get; set; } = 1;

    /// <summary>Pins: the frame stays while there is one.</summary>
    public int Pins { get; set; }

    /// <summary>This page, with one mapper more.</summary>
    public OwnPage Shared()
    {
        Mappers++;
        return this;
    }
}
