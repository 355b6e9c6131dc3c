namespace CocoGuest.Service.Control;

/// <summary>
/// Operations of the control protocol, by their number on the wire. Each is the gRPC call of that name, but for the first two.
/// </summary>
internal enum ControlOperation : ushort
{
    /// <summary>Which version both speak, and the limits.</summary>
    Hello = 1,
    /// <summary>Starts the connection's process.</summary>
    OpenProcess = 2,
    /// <summary>GuestService.ListHeaps.</summary>
    ListHeaps = 3,
    /// <summary>GuestService.AllocateBuffer.</summary>
    AllocateBuffer = 4,
    /// <summary>GuestService.Mmap; the memfd comes with the answer.</summary>
    Mmap = 5,
    /// <summary>GuestService.Munmap.</summary>
    Munmap = 6,
    /// <summary>GuestService.Load.</summary>
    Load = 7,
    /// <summary>GuestService.Store.</summary>
    Store = 8,
    /// <summary>GuestService.SyncBuffer.</summary>
    SyncBuffer = 9,
    /// <summary>GuestService.SetBufferName.</summary>
    SetBufferName = 10,
    /// <summary>GuestService.StatBuffer.</summary>
    StatBuffer = 11,
    /// <summary>GuestService.ExportBuffer.</summary>
    ExportBuffer = 12,
    /// <summary>GuestService.ImportBuffer.</summary>
    ImportBuffer = 13,
    /// <summary>GuestService.Release.</summary>
    Release = 14,
    /// <summary>DeviceService.RegisterDevice.</summary>
    RegisterDevice = 15,
    /// <summary>DeviceService.UnregisterDevice.</summary>
    UnregisterDevice = 16,
    /// <summary>GuestService.Attach.</summary>
    Attach = 17,
    /// <summary>GuestService.Detach.</summary>
    Detach = 18,
    /// <summary>GuestService.MapDmaBuf; the memfd comes with the answer.</summary>
    MapDmaBuf = 19,
    /// <summary>GuestService.UnmapDmaBuf.</summary>
    UnmapDmaBuf = 20,
    /// <summary>DeviceService.DmaRead.</summary>
    DmaRead = 21,
    /// <summary>DeviceService.DmaWrite.</summary>
    DmaWrite = 22,
}
