using System.Globalization;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Drm;

/// <summary>
/// A node of /dev/dri (S-GPU-26).
/// Models: name, numbers, mode and owner as devtmpfs gives them. Does not model: udev, which changes the group and may add an ACL.
/// </summary>
internal sealed class DrmNode
{
    /// <summary>Where the nodes are.</summary>
    public const string Folder = "/dev/dri";

    /// <summary>Major number of all DRM nodes.</summary>
    public const uint Major = 226;

    private const uint FirstRender = 128;
    private const int MajorShift = 8;

    // Inode numbers of nodes belong to another file system than those of dma-bufs; heaps have 100 to 227.
    private const ulong FirstInode = 300;

    private DrmNode(DrmDriver driver, bool render, uint index)
    {
        Driver = driver;
        Render = render;
        Minor = render ? FirstRender + index : index;
        Inode = FirstInode + Minor;
        Name = string.Create(CultureInfo.InvariantCulture, $"{(render ? "renderD" : "card")}{Minor}");
    }

    /// <summary>Driver of the device.</summary>
    public DrmDriver Driver { get; }

    /// <summary>A render node.</summary>
    public bool Render { get; }

    /// <summary>Minor number: cards from 0, render nodes from 128.</summary>
    public uint Minor { get; }

    /// <summary>Inode number.</summary>
    public ulong Inode { get; }

    /// <summary>Name in the folder.</summary>
    public string Name { get; }

    /// <summary>Path of the node.</summary>
    public string Path => $"{Folder}/{Name}";

    /// <summary>Text of the device's <c>uevent</c> in sysfs.</summary>
    public string Uevent =>
        string.Create(CultureInfo.InvariantCulture, $"MAJOR={Major}\nMINOR={Minor}\nDEVNAME=dri/{Name}\nDEVTYPE=drm_minor\n");

    /// <summary>st_rdev.</summary>
    public uint RawDevice => (Major << MajorShift) | Minor;

    /// <summary>Mode and owner: 0600, root.</summary>
    public InodeAttributes Attributes { get; } = new(InodeAttributes.CharacterDevice);

    /// <summary>The nodes of devices that were registered in this order: cards first, each kind with numbers of its own.</summary>
    public static IReadOnlyList<DrmNode> Of(IReadOnlyList<DrmDriver> drivers) =>
    [
        .. drivers.Select((d, i) => new DrmNode(d, render: false, (uint)i)),
        .. drivers.Where(d => d.HasRenderNode).Select((d, i) => new DrmNode(d, render: true, (uint)i)),
    ];
}
