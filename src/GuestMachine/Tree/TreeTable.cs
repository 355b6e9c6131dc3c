using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Heaps;

namespace CocoGuest.Machine.Tree;

/// <summary>
/// The paths of a guest that stay as they are: device nodes, sysfs, debugfs, tracefs, module parameters (S-HEAP-01, 53, S-SWI-50, S-BUF-113, S-GPU-26, 27).
/// Models: folders of the guest alone; text as the kernel's; the symbolic links that join devices, classes, buses and numbers.
/// Does not model: <c>power</c> folders and attributes that only take writes; udev.
/// </summary>
internal sealed class TreeTable
{
    private const uint FolderMode = 0x1ed;
    private const uint LinkMode = 0x1ff;
    private const uint ReadableByAll = 0x124;
    private const uint WritableByRoot = 0x1a4;
    private const uint RootOnly = 0x100;
    private const uint RootReadWrite = 0x180;
    private const ulong SysfsSize = 4096;
    private const ulong FirstInode = 1000;
    private const string HeapClass = "/sys/class/dma_heap";
    private const string DrmClass = "/sys/class/drm";
    private const string MiscClass = "/sys/class/misc";
    private const string SwiotlbFolder = "/sys/kernel/debug/swiotlb";

    private static readonly string[] TraceFolders = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

    // Folders of the system in which something of the guest's is.
    private static readonly HashSet<string> SharedFolders = new(
        [
            "/dev", "/sys/class", MiscClass, "/sys/module", "/sys/kernel/debug", "/sys/dev/char", "/sys/devices", "/sys/devices/platform",
            "/sys/devices/virtual", "/sys/devices/virtual/misc", "/sys/bus", "/sys/bus/platform/devices", .. TraceFolders,
        ],
        StringComparer.Ordinal);

    private readonly Dictionary<string, TreeItem> _items = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedSet<string>> _folders = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedSet<string>> _shared = SharedFolders.ToDictionary(
        f => f, _ => new SortedSet<string>(StringComparer.Ordinal), StringComparer.Ordinal);
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

    /// <summary>Names of the guest's in a folder that holds others, too; null: no such folder.</summary>
    public IReadOnlyCollection<string>? SharedNames(string folder) => _shared.GetValueOrDefault(folder);

    /// <summary>st_nlink of a folder: each folder in it points back to it.</summary>
    public uint LinksOf(string folder) => 2 + (uint)(Names(folder)?.Count(name => Find($"{folder}/{name}")?.Kind == TreeKind.Folder) ?? 0);

    /// <summary>
    /// A path with the symbolic links of the guest followed, and without "." and "..". As in a path walk, ".." after a link is the parent of what
    /// the link leads to. No link leads to a link of its own path, so none is met for ever.
    /// </summary>
    /// <param name="path">Absolute path.</param>
    /// <param name="last">Whether a link at the end is followed; with a slash behind it, it always is.</param>
    public string Follow(string path, bool last)
    {
        last |= path.EndsWith('/');
        var rest = new Stack<string>(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        string place = "";
        while (rest.TryPop(out string? part))
        {
            if (part is "." or "..")
            {
                place = part == "." || place.Length == 0 ? place : place[..place.LastIndexOf('/')];
                continue;
            }

            string next = $"{place}/{part}";
            if ((rest.Count == 0 && !last) || Find(next) is not { Target: { } target })
            {
                place = next;
                continue;
            }

            foreach (string step in target.Split('/').Reverse())
            {
                rest.Push(step);
            }
        }

        return place.Length == 0 ? "/" : place;
    }

    private void AddHeaps(Guest guest)
    {
        Folder(HeapNode.Folder);
        Folder(HeapClass);
        foreach (HeapNode node in guest.Heaps.Registry.Nodes)
        {
            Node(node.Path, node.Inode, node.Attributes, node.RawDevice, (_, access) => new HeapDeviceFile(guest.Heaps, node, access));
            Device($"/sys/devices/virtual/dma_heap/{node.Info.Name}", HeapClass, HeapNode.Major, node.Info.Minor, node.Uevent);
        }

        if (guest.Core.Kernel.HasMemoryAccounting)
        {
            Sysfs("/sys/module/dma_heap/parameters/mem_accounting", () => guest.Core.Shape.MemAccounting ? "Y\n" : "N\n");
        }
    }

    private void AddDrm(Guest guest)
    {
        Folder(DrmNode.Folder);
        Folder(DrmClass);
        Sysfs($"{DrmClass}/version", static () => "drm 1.1.0 20060810\n");
        SysfsBus bus = guest.Core.Kernel.HasFauxBus ? SysfsBus.Faux : SysfsBus.Platform;
        foreach (DrmDriver driver in DrmDriver.All)
        {
            AddParent(bus, driver.Name);
        }

        foreach (DrmNode node in guest.Drm.Nodes)
        {
            string parent = bus.DeviceFolder(node.Driver.Name);
            Node(node.Path, node.Inode, node.Attributes, node.RawDevice, (process, access) => guest.Drm.NewFile(process, node, access), exclusive: false);
            Device($"{parent}/drm/{node.Name}", DrmClass, DrmNode.Major, node.Minor, node.Uevent);
            Link($"{parent}/drm/{node.Name}/device", parent);
        }
    }

    private void AddUdmabuf(Guest guest)
    {
        InodeAttributes attributes = guest.Udmabufs.Attributes;
        Node(UdmabufNode.Path, UdmabufNode.NodeInode, attributes, UdmabufNode.Device, (_, access) => new UdmabufNode(guest.Udmabufs, attributes, access));
        Device("/sys/devices/virtual/misc/udmabuf", MiscClass, UdmabufNode.Major, UdmabufNode.Minor, UdmabufNode.Uevent);
        Sysfs("/sys/module/udmabuf/parameters/list_limit", static () => $"{GuestUdmabufs.MostItems}\n", WritableByRoot);
        Sysfs("/sys/module/udmabuf/parameters/size_limit_mb", () => $"{guest.Core.Kernel.UdmabufLimitMiB}\n", WritableByRoot);
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
        if (guest.Core.Dma.DefaultPool is not { } pool)
        {
            return;
        }

        Text($"{SwiotlbFolder}/io_tlb_nslabs", () => Number(pool.Slots), RootOnly);
        Text($"{SwiotlbFolder}/io_tlb_used", () => Number(pool.UsedSlots), RootOnly);
        Text($"{SwiotlbFolder}/io_tlb_used_hiwater", () => Number(pool.Snapshot().HighWaterSlots), RootReadWrite);
    }

    // The device that a driver without hardware made for itself, and what its bus knows of it.
    private void AddParent(SysfsBus bus, string name)
    {
        string folder = bus.DeviceFolder(name);
        foreach ((string file, string text, bool writable) in bus.Attributes)
        {
            Sysfs($"{folder}/{file}", () => text.Replace("{name}", name, StringComparison.Ordinal), writable ? WritableByRoot : ReadableByAll);
        }

        Link($"{folder}/subsystem", bus.Folder);
        Link($"{bus.Folder}/devices/{name}", folder);
        if (bus.DriverFolder is { } driver)
        {
            Link($"{folder}/driver", driver);
            Link($"{driver}/{name}", folder);
        }
    }

    // A device with a number, and the links that find it by class and by number.
    private void Device(string folder, string classFolder, uint major, uint minor, string uevent)
    {
        string number = string.Create(CultureInfo.InvariantCulture, $"{major}:{minor}");
        Sysfs($"{folder}/dev", () => number + "\n");
        Sysfs($"{folder}/uevent", () => uevent, WritableByRoot);
        Link($"{folder}/subsystem", classFolder);
        Link($"{classFolder}/{folder[(folder.LastIndexOf('/') + 1)..]}", folder);
        Link($"/sys/dev/char/{number}", folder);
    }

    private static string Number(uint value) => string.Create(CultureInfo.InvariantCulture, $"{value}\n");

    private static InodeAttributes Mode(uint type, uint permissions) => new(type) { Permissions = permissions };

    private void Sysfs(string path, Func<string> text, uint permissions = ReadableByAll) => Text(path, text, permissions, SysfsSize);

    private void Text(string path, Func<string> text, uint permissions, ulong size = 0) => Add(
        path, new TreeItem(TreeKind.File, ++_lastInode, Mode(InodeAttributes.RegularFile, permissions)) { Text = text, Size = size });

    private void Link(string path, string to) => Add(
        path, new TreeItem(TreeKind.Link, ++_lastInode, Mode(InodeAttributes.Link, LinkMode)) { Target = Relative(path, to) });

    private void Node(
        string path, ulong inode, InodeAttributes attributes, uint rawDevice, Func<Files.GuestProcess, AccessMode, GuestFile> open, bool exclusive = true) =>
        Add(path, new TreeItem(TreeKind.Node, inode, attributes) { Open = open, RawDevice = rawDevice, RefusesExclusive = !exclusive });

    // As sysfs writes it: up to the first folder in which the target is, at any depth, and down again.
    private static string Relative(string link, string to)
    {
        string common = link[..link.LastIndexOf('/')];
        string up = "";
        while (!to.StartsWith(common + "/", StringComparison.Ordinal))
        {
            common = common[..common.LastIndexOf('/')];
            up += "../";
        }

        return up + to[(common.Length + 1)..];
    }

    // Folders above an item are the guest's alone up to the first that other parts of the system share.
    private void Add(string path, TreeItem item)
    {
        _items.Add(path, item);
        int slash = path.LastIndexOf('/');
        string folder = path[..slash];
        if (!_shared.TryGetValue(folder, out SortedSet<string>? names))
        {
            Folder(folder);
            names = _folders[folder];
        }

        names.Add(path[(slash + 1)..]);
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
}
