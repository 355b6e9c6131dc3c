namespace CocoGuest.Machine.Memory;

/// <summary>How an exporter fills a mapping of its buffers.</summary>
public enum MmapStyle
{
    /// <summary>No mmap op: EINVAL (S-BUF-31, S-TEE-03).</summary>
    None,

    /// <summary>All at once, chunk by chunk, by page-frame number (S-SYS-47, 53).</summary>
    Populate,

    /// <summary>By faults, one page each; only shared mappings (S-CMA-04).</summary>
    Fault,
}
