namespace CocoGuest.Machine.Dma.Mapping;

/// <summary>Which step of a mapping's life asks for a copy between original and bounce memory (S-SWI-40).</summary>
public enum BounceCopy
{
    /// <summary>Map.</summary>
    Map = 0,
    /// <summary>Sync for device.</summary>
    SyncForDevice = 1,
    /// <summary>Sync for CPU.</summary>
    SyncForCpu = 2,
    /// <summary>Unmap without SKIP_CPU_SYNC.</summary>
    Unmap = 3,
    /// <summary>Unmap with SKIP_CPU_SYNC.</summary>
    UnmapSkippingSync = 4,
}
