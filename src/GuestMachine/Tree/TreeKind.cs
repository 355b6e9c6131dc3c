using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Tree;

/// <summary>What a path of the guest is.</summary>
public enum TreeKind
{
    /// <summary>Nothing of the guest's.</summary>
    None = 0,
    /// <summary>A file whose whole text <see cref="GuestTree.ReadText(GuestProcess, TreePlace)"/> gives.</summary>
    File = 1,
    /// <summary>A folder.</summary>
    Folder = 2,
    /// <summary>A node that <see cref="GuestTree.Open(GuestProcess, TreePlace, uint)"/> opens: a device, or sw_sync.</summary>
    Node = 3,
    /// <summary>A link of /proc/self/fd to an fd of the guest's.</summary>
    FdLink = 4,
    /// <summary>A file that gives lines as they come, each once: <see cref="GuestTrace.TakeLines"/>.</summary>
    Stream = 5,
    /// <summary>A symbolic link of sysfs.</summary>
    Link = 6,
}
