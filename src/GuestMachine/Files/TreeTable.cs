using System.Globalization;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Heaps;

namespace CocoGuest.Machine.Files;

/// <summary>
/// The paths of a guest that stay as they are: device nodes, sysfs, debugfs, tracefs, module parameters (S-HEAP-01, 53, S-SWI-50, S-BUF-113, S-GPU-26).
/// Models: folders of the guest alone; text as the kernel's. Does not model: symbolic links of sysfs, whose targets stand in their place; udev.
/// </summary>
internal sealed class TreeTable
{
    private const uint FolderMode = 0x1ed;
    private const uint ReadableByAll = 0x124;
    private const uint WritableByRoot = 0x1a4;
    private const uint RootOnly = 0x100;
    private const uint RootReadWrite = 0x180;
    private const ulong SysfsSize = 4096;
    private const ulong FirstInode = 1000;
    private const string HeapClass = "/sys/class/dma_heap";
    private const string DrmClass = "/sys/class/drm";
    private const string Misc = "/sys/class/misc/udmabuf";
    private const string SwiotlbFolder = "/sys/kernel/debug/swiotlb";

    private static readonly string[] TraceFolders = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

    private readonly Dictionary<string, TreeItem> _items = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedSet<string>> _folders = new(StringComparer.Ordinal);
    private ulong _lastInode = FirstInode;

    /// <summary>Makes the table of a guest as it is now.</summary>
    public TreeTable(Guest guest)
    {
        AddHeaps(guest);
        AddDrm(guest);
        AddUdmabuf(guest);
        AddFiles(guest);
        AddSwiotlb(guest);
    }

    /// <summary>The item at a path, or null.</summary>
    public TreeItem? Find(string path) => _items.GetValueOrDefault(path);

    /// <summary>Names in a folder of the guest's alone; null: no such folder.</summary>
    public IReadOnlyCollection<string>? Names(string folder) => _folders.GetValueOrDefault(folder);

    private void AddHeaps(Guest guest)
    {
        Folder(HeapNode.Folder);
        Folder(HeapClass);
        foreach (HeapNode node in guest.Heaps.Registry.Nodes)
        {
            Node(node.Path, node.Inode, node.Attributes, node.RawDevice, (_, access) => new HeapDeviceFile(node, access));
            Sysfs($"{HeapClass}/{node.Info.Name}/dev", () => string.Create(CultureInfo.InvariantCulture, $"{HeapNode.Major}:{node.Info.Minor}\n"));
            Sysfs($"{HeapClass}/{node.Info.Name}/uevent", () => node.Uevent);
        }

        if (guest.Kernel.HasMemoryAccounting)
        {
            Sysfs("/sys/module/dma_heap/parameters/mem_accounting", () => guest.Shape.MemAccounting ? "Y\n" : "N\n");
        }
    }

    private void AddDrm(Guest guest)
    {
        Folder(DrmNode.Folder);
        Folder(DrmClass);
        Sysfs($"{DrmClass}/version", static () => "drm 1.1.0 20060810\n");
        foreach (DrmNode node in guest.Drm.Nodes)
        {
            Node(node.Path, node.Inode, node.Attributes, node.RawDevice, (process, access) => guest.Drm.NewFile(process, node, access), exclusive: false);
            Sysfs($"{DrmClass}/{node.Name}/dev", () => string.Create(CultureInfo.InvariantCulture, $"{DrmNode.Major}:{node.Minor}\n"));
            Sysfs($"{DrmClass}/{node.Name}/uevent", () => string.Create(CultureInfo.InvariantCulture,
                $"MAJOR={DrmNode.Major}\nMINOR={node.Minor}\nDEVNAME=dri/{node.Name}\nDEVTYPE=drm_minor\n"));
        }
    }

    private void AddUdmabuf(Guest guest)
    {
        InodeAttributes attributes = guest.Udmabufs.Attributes;
        Node(UdmabufNode.Path, UdmabufNode.NodeInode, attributes, UdmabufNode.Device, (_, access) => new UdmabufNode(attributes, access));
        Sysfs($"{Misc}/dev", static () => string.Create(CultureInfo.InvariantCulture, $"{UdmabufNode.Major}:{UdmabufNode.Minor}\n"));
        Sysfs($"{Misc}/uevent", static () => string.Create(CultureInfo.InvariantCulture,
            $"MAJOR={UdmabufNode.Major}\nMINOR={UdmabufNode.Minor}\nDEVNAME=udmabuf\n"));
        Sysfs("/sys/module/udmabuf/parameters/list_limit", static () => $"{GuestUdmabufs.MostItems}\n", WritableByRoot);
        Sysfs("/sys/module/udmabuf/parameters/size_limit_mb", () => $"{guest.Kernel.UdmabufLimitMiB}\n", WritableByRoot);
    }

    private void AddFiles(Guest guest)
    {
        Text(GuestTree.BufInfoFile, () => guest.Buffers.BufInfo, ReadableByAll);
        Add("/sys/kernel/debug/sync/sw_sync", new TreeItem(TreeKind.Node, ++_lastInode, Mode(InodeAttributes.RegularFile, WritableByRoot))
        {
            Open = (process, _) => guest.Fences.NewTimeline(process),
        });
        foreach (string folder in TraceFolders)
        {
            Add($"{folder}/trace_pipe", new TreeItem(TreeKind.Stream, ++_lastInode, Mode(InodeAttributes.RegularFile, RootOnly | 0x20)));
        }
    }

    // S-SWI-50: without a pool the folder is empty.
    private void AddSwiotlb(Guest guest)
    {
        Folder(SwiotlbFolder);
        if (guest.Dma.DefaultPool is not { } pool)
        {
            return;
        }

        Text($"{SwiotlbFolder}/io_tlb_nslabs", () => Number(pool.Slots), RootOnly);
        Text($"{SwiotlbFolder}/io_tlb_used", () => Number(pool.UsedSlots), RootOnly);
        Text($"{SwiotlbFolder}/io_tlb_used_hiwater", () => Number(pool.Snapshot().HighWaterSlots), RootReadWrite);
    }

    private static string Number(uint value) => string.Create(CultureInfo.InvariantCulture, $"{value}\n");

    private static InodeAttributes Mode(uint type, uint permissions) => new(type) { Permissions = permissions };

    private void Sysfs(string path, Func<string> text, uint permissions = ReadableByAll) => Text(path, text, permissions, SysfsSize);

    private void Text(string path, Func<string> text, uint permissions, ulong size = 0) => Add(
        path, new TreeItem(TreeKind.File, ++_lastInode, Mode(InodeAttributes.RegularFile, permissions)) { Text = text, Size = size });

    private void Node(
        string path, ulong inode, InodeAttributes attributes, uint rawDevice, Func<Processes.GuestProcess, AccessMode, GuestFile> open, bool exclusive = true) =>
        Add(path, new TreeItem(TreeKind.Node, inode, attributes) { Open = open, RawDevice = rawDevice, RefusesExclusive = !exclusive });

    // Folders above an item are the guest's alone up to the first that other parts of the system share.
    private void Add(string path, TreeItem item)
    {
        _items.Add(path, item);
        int slash = path.LastIndexOf('/');
        string folder = path[..slash];
        if (!IsShared(folder))
        {
            Folder(folder);
            _folders[folder].Add(path[(slash + 1)..]);
        }
    }

    private void Folder(string path)
    {
        if (_folders.ContainsKey(path))
        {
            return;
        }

        _folders.Add(path, new SortedSet<string>(StringComparer.Ordinal));
        Add(path, new TreeItem(TreeKind.Folder, ++_lastInode, Mode(InodeAttributes.Directory, FolderMode)));
    }

    private static bool IsShared(string folder) =>
        folder is "/dev" or "/sys/class" or "/sys/class/misc" or "/sys/module" or "/sys/kernel/debug" || TraceFolders.Contains(folder);
}
