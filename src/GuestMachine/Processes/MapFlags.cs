namespace CocoGuest.Machine.Processes;

/// <summary>MAP_* bits of mmap that matter for dma-bufs.</summary>
[Flags]
public enum MapFlags
{
    /// <summary>Neither: EINVAL (S-BUF-35).</summary>
    None = 0,
    /// <summary>MAP_SHARED.</summary>
    Shared = 1,
    /// <summary>MAP_PRIVATE.</summary>
    Private = 2,
    /// <summary>MAP_SHARED_VALIDATE.</summary>
    SharedValidate = 3,
}
