namespace CocoGuest.Service.Control;

/// <summary>Limits of the control protocol. They bound what one connection can make the server hold.</summary>
internal static class ControlLimits
{
    /// <summary>Most bytes that one load, store, DMA read or DMA write moves.</summary>
    public const int DataBytes = 64 << 10;

    /// <summary>Most segments that one answer lists: EOVERFLOW beyond, and the buffer is not mapped.</summary>
    public const int Segments = 64 << 10;

    /// <summary>Bytes of a text field: UTF-8, padded with zeros.</summary>
    public const int TextBytes = 64;
}
