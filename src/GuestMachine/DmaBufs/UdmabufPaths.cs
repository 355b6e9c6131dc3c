using CocoGuest.Machine.Core;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Tree;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>The paths of udmabuf: its node, the device in sysfs, and the module's parameters (S-BUF-111, 113).</summary>
internal static class UdmabufPaths
{
    /// <summary>Adds them.</summary>
    public static void AddTo(TreeTable table, GuestCore core, GuestUdmabufs udmabufs)
    {
        InodeAttributes attributes = udmabufs.Attributes;
        table.AddNode(
            UdmabufNode.Path, UdmabufNode.NodeInode, attributes, UdmabufNode.Device,
            (_, access) => new UdmabufNode(udmabufs, attributes, access));
        table.AddDevice("/sys/devices/virtual/misc/udmabuf", "/sys/class/misc", UdmabufNode.Major, UdmabufNode.Minor, UdmabufNode.Uevent);
        table.AddSysfs("/sys/module/udmabuf/parameters/list_limit", static () => $"{GuestUdmabufs.MostItems}\n", TreeTable.WritableByRoot);
        table.AddSysfs("/sys/module/udmabuf/parameters/size_limit_mb", () => $"{core.Kernel.UdmabufLimitMiB}\n", TreeTable.WritableByRoot);
    }
}
