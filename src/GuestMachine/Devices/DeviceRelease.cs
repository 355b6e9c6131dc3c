namespace CocoGuest.Machine.Devices;

/// <summary>Who lets go of a device that goes, in order.</summary>
internal enum DeviceRelease
{
    /// <summary>Attachments of buffers, newest first.</summary>
    Attachments,

    /// <summary>What was mapped and allocated for it by the DMA API, in the order of making.</summary>
    DmaApi,
}
