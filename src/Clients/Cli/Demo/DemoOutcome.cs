namespace CocoGuest.Cli.Demo;

/// <summary>How a run of the demo can end.</summary>
internal enum DemoOutcome
{
    /// <summary>The application has the sharpened picture.</summary>
    Picture,

    /// <summary>Allocation failed with ENOENT: the guest has no such heap.</summary>
    NoSuchHeap,

    /// <summary>The first importer's mapping failed with EIO.</summary>
    MapFailed,

    /// <summary>The application reads its buffer as it was at allocation: zeros, the X bytes too.</summary>
    Untouched,

    /// <summary>The GPU worked on the picture buffer as it was before the RDMA write: the sharpened form of zeros.</summary>
    SharpenedZeros,

    /// <summary>Something else; always a failure.</summary>
    Unexpected,
}
