using CocoGuest.Machine.Core;
using CocoGuest.Machine.Tree;

namespace CocoGuest.Machine.Heaps;

/// <summary>
/// The paths of heaps: nodes, their devices in sysfs, and the parameter of accounting (S-HEAP-01, 53).
/// A heap that comes later adds its own.
/// </summary>
internal static class HeapPaths
{
    private const string ClassFolder = "/sys/class/dma_heap";

    /// <summary>Adds them.</summary>
    public static void AddTo(TreeTable table, GuestCore core, GuestHeaps heaps)
    {
        table.AddFolder(HeapNode.Folder);
        table.AddFolder(ClassFolder);
        foreach (HeapNode node in heaps.Registry.Nodes)
        {
            Add(table, heaps, node);
        }

        heaps.Registry.Added = node => Add(table, heaps, node);
        if (core.Kernel.HasMemoryAccounting)
        {
            table.AddSysfs("/sys/module/dma_heap/parameters/mem_accounting", () => core.Shape.MemAccounting ? "Y\n" : "N\n");
        }
    }

    private static void Add(TreeTable table, GuestHeaps heaps, HeapNode node)
    {
        table.AddNode(node.Path, node.Inode, node.Attributes, node.RawDevice, (_, access) => new HeapDeviceFile(heaps, node, access));
        table.AddDevice($"/sys/devices/virtual/dma_heap/{node.Info.Name}", ClassFolder, HeapNode.Major, node.Info.Minor, node.Uevent);
    }
}
