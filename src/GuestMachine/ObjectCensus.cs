namespace CocoGuest.Machine;

/// <summary>Live objects of a guest by kind; init and the built-in device are counted.</summary>
/// <param name="Processes">Processes.</param>
/// <param name="Buffers">dma-bufs.</param>
/// <param name="Fds">Open fds.</param>
/// <param name="Mappings">VMAs.</param>
/// <param name="Attachments">Attachments.</param>
/// <param name="DmaMappings">Mapped attachments.</param>
/// <param name="Devices">Devices.</param>
/// <param name="ShareTokens">Share tokens in flight.</param>
public readonly record struct ObjectCensus(
    int Processes, int Buffers, int Fds, int Mappings, int Attachments, int DmaMappings, int Devices, int ShareTokens);
