using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Diagnostics;

/// <summary>One row of the table of fault points.</summary>
/// <param name="Point">The point.</param>
/// <param name="Name">Its name, as the kernel's debugfs spells such names.</param>
/// <param name="DefaultErrno">What the failing step reports; None where the point has one fixed answer.</param>
/// <param name="TakesErrno">Whether <see cref="FaultSpec.Errno"/> may choose another.</param>
/// <param name="HasSize">Whether the point hands a size in bytes to the <c>space</c> attribute.</param>
/// <param name="HasOrder">Whether the point knows <c>min-order</c>.</param>
/// <param name="CountsForFailNth">Whether <c>fail-nth</c> of a process counts it.</param>
/// <param name="What">What fails, for people.</param>
public sealed record FaultPointInfo(
    FaultPoint Point, string Name, Errno DefaultErrno, bool TakesErrno, bool HasSize, bool HasOrder, bool CountsForFailNth, string What)
{
    /// <summary>All points, indexed by <see cref="FaultPoint"/>.</summary>
    public static IReadOnlyList<FaultPointInfo> All { get; } =
    [
        new(FaultPoint.Failslab, "failslab", Errno.ENOMEM, false, true, false, true, "a small kernel allocation"),
        new(FaultPoint.FailPageAlloc, "fail_page_alloc", Errno.ENOMEM, false, true, true, true, "a page allocation"),
        new(FaultPoint.FailDecrypt, "fail_decrypt", Errno.EIO, true, true, false, true, "set_memory_decrypted of a chunk"),
        new(FaultPoint.FailEncrypt, "fail_encrypt", Errno.EIO, true, true, false, false, "set_memory_encrypted of a chunk"),
        new(FaultPoint.FailSplit, "fail_split", Errno.ENOMEM, false, false, false, true, "a page-table page for a split"),
        new(FaultPoint.FailMapGpa, "fail_map_gpa", Errno.None, false, false, false, false, "a hypercall: refused"),
        new(FaultPoint.RetryMapGpa, "retry_map_gpa", Errno.None, false, false, false, false, "a hypercall: to be retried"),
        new(FaultPoint.FailSwiotlb, "fail_swiotlb", Errno.None, false, true, false, true, "finding swiotlb slots"),
        new(FaultPoint.FailFd, "fail_fd", Errno.EMFILE, false, false, false, true, "finding a free fd number"),
        new(FaultPoint.PvalidateSizeMismatch, "pvalidate_size_mismatch", Errno.None, false, true, false, true,
            "a PVALIDATE: size mismatch"),
        new(FaultPoint.PvalidateNoChange, "pvalidate_no_change", Errno.None, false, true, false, true, "a PVALIDATE: no change"),
        new(FaultPoint.ReplayCiphertext, "replay_ciphertext", Errno.None, false, true, false, true,
            "nothing at once: the host writes back what private pages were before a store"),
    ];

    /// <summary>The row of a point.</summary>
    public static FaultPointInfo Of(FaultPoint point) => All[(int)point];

    /// <summary>The row with a name, or null.</summary>
    public static FaultPointInfo? Find(string name) => All.FirstOrDefault(p => p.Name == name);
}
