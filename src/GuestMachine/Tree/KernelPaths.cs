using System.Globalization;
using CocoGuest.Machine.Core;

namespace CocoGuest.Machine.Tree;

/// <summary>
/// The paths that tell of rooms in layers below the tree, which cannot add them themselves: trace_pipe, the pool in debugfs (S-SWI-50).
/// Models: trace_pipe in both of its folders; without a pool its folder is empty. Does not model: other files of tracefs, restricted pools.
/// </summary>
internal static class KernelPaths
{
    private const string SwiotlbFolder = "/sys/kernel/debug/swiotlb";
    private const uint RootOnly = 0x100;
    private const uint RootReadWrite = 0x180;
    private const uint ReadableByGroup = 0x20;

    /// <summary>Adds them.</summary>
    public static void AddTo(TreeTable table, GuestCore core)
    {
        table.AddStream("/sys/kernel/tracing/trace_pipe", RootOnly | ReadableByGroup);
        table.AddStream("/sys/kernel/debug/tracing/trace_pipe", RootOnly | ReadableByGroup);
        table.AddFolder(SwiotlbFolder);
        if (core.Dma.DefaultPool is { } pool)
        {
            table.AddText($"{SwiotlbFolder}/io_tlb_nslabs", () => Line(pool.Slots), RootOnly);
            table.AddText($"{SwiotlbFolder}/io_tlb_used", () => Line(pool.UsedSlots), RootOnly);
            table.AddText($"{SwiotlbFolder}/io_tlb_used_hiwater", () => Line(pool.Snapshot().HighWaterSlots), RootReadWrite);
        }
    }

    private static string Line(uint value) => string.Create(CultureInfo.InvariantCulture, $"{value}\n");
}
