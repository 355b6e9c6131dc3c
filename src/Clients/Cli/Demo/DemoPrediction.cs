namespace CocoGuest.Cli.Demo;

/// <summary>What the reference's statements say about a run, before it runs.</summary>
/// <param name="Outcome">How it ends.</param>
/// <param name="Statements">The statements it follows from.</param>
/// <param name="Because">Why, for a person.</param>
internal sealed record DemoPrediction(DemoOutcome Outcome, string Statements, string Because)
{
    /// <summary>Largest bounce mapping in bytes (S-SWI-12).</summary>
    private const ulong BounceLimit = 262_144;

    private delegate bool Condition(DemoOptions options, ulong largestChunk);

    // The first row that holds decides.
    private static readonly (Condition Holds, DemoPrediction Then)[] Rows =
    [
        ((o, _) => o is { Heap: DemoOptions.SharedHeap, Encrypted: false }, new(
            DemoOutcome.NoSuchHeap,
            "S-HEAP-48",
            "A plain guest has no encrypted memory, so kernel 7.2 does not register system_cc_shared there: opening it is ENOENT. "
                + "Take heap system.")),
        ((o, _) => o.Heap == DemoOptions.SharedHeap, new(
            DemoOutcome.Picture,
            "S-SYS-64, S-BUF-67",
            "The buffers are shared with the host: devices map them directly, nothing bounces, and syncs move no data.")),
        ((o, _) => !o.Encrypted, new(
            DemoOutcome.Picture,
            "S-DMA-32",
            "The guest's memory is not encrypted: devices map private pages directly, and the host can read them.")),
        ((_, chunk) => chunk > BounceLimit, new(
            DemoOutcome.MapFailed,
            "S-SYS-60, S-SWI-12",
            "The buffer is private, so each chunk must bounce; a 1 MiB chunk exceeds the 256 KiB limit of one bounce mapping: EIO. "
                + "This is what the kernel series is about: take system_cc_shared, or a picture below 1 MiB.")),
        ((o, _) => !o.Sync, new(
            DemoOutcome.Untouched,
            "S-BUF-65, S-SYS-62",
            "The devices see snapshots in bounce slots. Without syncs nothing is copied between slots and buffers, so the application "
                + "still reads the zeros of the allocation.")),
        ((o, _) => o.GpuFirst, new(
            DemoOutcome.SharpenedZeros,
            "S-BUF-66",
            "START copies from each device's slots, newest attachment first, so the oldest wins: the GPU attached first, and its old "
                + "snapshot overwrites what the RDMA importer wrote.")),
        ((_, _) => true, new(
            DemoOutcome.Picture,
            "S-BUF-65, S-SYS-61, S-SYS-62",
            "All chunks are small enough to bounce, and START and END copy at the right places.")),
    ];

    /// <summary>The prediction for a run.</summary>
    /// <param name="options">What is asked.</param>
    /// <param name="largestChunk">Bytes of the largest chunk of the picture buffers; 0 before any is allocated.</param>
    public static DemoPrediction For(DemoOptions options, ulong largestChunk) => Rows.First(row => row.Holds(options, largestChunk)).Then;
}
