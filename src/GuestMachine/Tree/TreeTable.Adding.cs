using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Tree;

/// <summary>
/// What rooms put into the tree, in the words of a driver: a node, a device with a number, a text of debugfs or sysfs, a link.
/// Models: the folders above it, which come with it; the links that join devices, classes, buses and numbers; inode numbers, in the order
/// of adding.
/// Does not model: taking anything out again; <c>power</c> folders and attributes that only take writes; udev.
/// </summary>
internal sealed partial class TreeTable
{
    /// <summary>Permissions 0444.</summary>
    public const uint ReadableByAll = 0x124;

    /// <summary>Permissions 0644.</summary>
    public const uint WritableByRoot = 0x1a4;

    private const uint FolderMode = 0x1ed;
    private const uint LinkMode = 0x1ff;
    private const ulong SysfsSize = 4096;
    private const ulong FirstInode = 1000;
    private const ulong BranchInode = 1;
    private ulong _lastInode = FirstInode;

    /// <summary>A folder that may stay empty; the folders of other items come with them.</summary>
    public void AddFolder(string path)
    {
        if (_folders.ContainsKey(path))
        {
            return;
        }

        _folders.Add(path, new SortedSet<string>(StringComparer.Ordinal));
        Add(path, new TreeItem(TreeKind.Folder, ++_lastInode, Mode(InodeAttributes.Directory, FolderMode)));
    }

    /// <summary>A device node: its inode is the driver's.</summary>
    /// <param name="path">Path.</param>
    /// <param name="inode">Inode number.</param>
    /// <param name="attributes">Mode and owner; all open files on the node share them.</param>
    /// <param name="rawDevice">st_rdev.</param>
    /// <param name="open">A new open file on it.</param>
    /// <param name="exclusive">O_EXCL is taken.</param>
    public void AddNode(
        string path,
        ulong inode,
        InodeAttributes attributes,
        uint rawDevice,
        Func<GuestProcess, AccessMode, GuestFile> open,
        bool exclusive = true) =>
        Add(path, new TreeItem(TreeKind.Node, inode, attributes) { Open = open, RawDevice = rawDevice, RefusesExclusive = !exclusive });

    /// <summary>A regular file each of whose opens is a file of the room's.</summary>
    public void AddOpened(string path, uint permissions, Func<GuestProcess, AccessMode, GuestFile> open) =>
        Add(path, new TreeItem(TreeKind.Node, ++_lastInode, Mode(InodeAttributes.RegularFile, permissions)) { Open = open });

    /// <summary>A file that gives lines as they come.</summary>
    public void AddStream(string path, uint permissions) =>
        Add(path, new TreeItem(TreeKind.Stream, ++_lastInode, Mode(InodeAttributes.RegularFile, permissions)));

    /// <summary>A file of debugfs, whose size is not told.</summary>
    public void AddText(string path, Func<string> text, uint permissions) => AddText(path, text, permissions, size: 0);

    /// <summary>A file of sysfs, whose size is a page.</summary>
    public void AddSysfs(string path, Func<string> text, uint permissions = ReadableByAll) => AddText(path, text, permissions, SysfsSize);

    /// <summary>A symbolic link of sysfs: relative, as the kernel writes it.</summary>
    public void AddLink(string path, string to) => Add(
        path, new TreeItem(TreeKind.Link, ++_lastInode, Mode(InodeAttributes.Link, LinkMode)) { Target = Relative(path, to) });

    /// <summary>A device with a number in sysfs, and the links that find it by class and by number.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="classFolder">Folder of its class.</param>
    /// <param name="major">Major number.</param>
    /// <param name="minor">Minor number.</param>
    /// <param name="uevent">Text of <c>uevent</c>.</param>
    public void AddDevice(string folder, string classFolder, uint major, uint minor, string uevent)
    {
        string number = string.Create(CultureInfo.InvariantCulture, $"{major}:{minor}");
        AddSysfs($"{folder}/dev", () => number + "\n");
        AddSysfs($"{folder}/uevent", () => uevent, WritableByRoot);
        AddLink($"{folder}/subsystem", classFolder);
        AddLink($"{classFolder}/{folder[(folder.LastIndexOf('/') + 1)..]}", folder);
        AddLink($"/sys/dev/char/{number}", folder);
    }

    /// <summary>The device that a driver without hardware made for itself, and what its bus knows of it.</summary>
    public void AddBusDevice(SysfsBus bus, string name)
    {
        string folder = bus.DeviceFolder(name);
        foreach ((string file, string text, bool writable) in bus.Attributes)
        {
            string own = text.Replace("{name}", name, StringComparison.Ordinal);
            AddSysfs($"{folder}/{file}", () => own, writable ? WritableByRoot : ReadableByAll);
        }

        AddLink($"{folder}/subsystem", bus.Folder);
        AddLink($"{bus.Folder}/devices/{name}", folder);
        if (bus.DriverFolder is { } driver)
        {
            AddLink($"{folder}/driver", driver);
            AddLink($"{driver}/{name}", folder);
        }
    }

    /// <summary>A folder whose content comes and goes with what it tells of, so that its room is asked at each look.</summary>
    /// <param name="folder">Its path. The folder above it does not list it.</param>
    /// <param name="find">What stands at a path below it, which is empty for the folder itself; null: nothing.</param>
    public void AddBranch(string folder, Func<string, TreeItem?> find) => _branches.Add((folder, find));

    /// <summary>A folder in a branch, for its <c>find</c> to give.</summary>
    public static TreeItem BranchFolder(Func<IEnumerable<TreeEntry>> entries) =>
        new(TreeKind.Folder, BranchInode, Mode(InodeAttributes.Directory, FolderMode)) { Entries = entries };

    /// <summary>A text in a branch, for its <c>find</c> to give.</summary>
    public static TreeItem BranchText(Func<string?> text) =>
        new(TreeKind.File, BranchInode, Mode(InodeAttributes.RegularFile, ReadableByAll)) { Text = text };

    private static InodeAttributes Mode(uint type, uint permissions) => new(type) { Permissions = permissions };

    private void AddText(string path, Func<string> text, uint permissions, ulong size) => Add(
        path, new TreeItem(TreeKind.File, ++_lastInode, Mode(InodeAttributes.RegularFile, permissions)) { Text = text, Size = size });

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
            AddFolder(folder);
            names = _folders[folder];
        }

        names.Add(path[(slash + 1)..]);
    }
}
