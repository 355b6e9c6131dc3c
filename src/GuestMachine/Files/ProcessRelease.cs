namespace CocoGuest.Machine.Files;

/// <summary>
/// What a process loses when it ends, in the kernel's order: mappings by address, fds by number, then what its drivers hold, as the last
/// close of a driver's file does.
/// </summary>
internal enum ProcessRelease
{
    /// <summary>Mappings, in the order of addresses.</summary>
    Mappings,

    /// <summary>fds, ascending.</summary>
    Descriptors,

    /// <summary>Share tokens of a contained process; those of others stay.</summary>
    Tokens,

    /// <summary>What its drivers mapped and allocated for DMA.</summary>
    DmaApi,

    /// <summary>RDMA memory regions; of a contained process its RDMA devices as well.</summary>
    Regions,

    /// <summary>Pinned user pages.</summary>
    Pins,

    /// <summary>Attachments, newest first.</summary>
    Attachments,

    /// <summary>Devices, newest first.</summary>
    Devices,

    /// <summary>Kernel mappings of buffers.</summary>
    KernelMappings,

    /// <summary>Fences that it attached to buffers and never signaled.</summary>
    Fences,
}
