using CocoGuest.Machine.Core;
using CocoGuest.Machine.Tree;

namespace CocoGuest.Machine.Drm;

/// <summary>The paths of DRM: nodes, and in sysfs the class, the devices and their parents (S-GPU-26, 27).</summary>
internal static class DrmPaths
{
    private const string ClassFolder = "/sys/class/drm";

    /// <summary>Adds them.</summary>
    public static void AddTo(TreeTable table, GuestCore core, GuestDrm drm)
    {
        table.AddFolder(DrmNode.Folder);
        table.AddFolder(ClassFolder);
        table.AddSysfs($"{ClassFolder}/version", static () => "drm 1.1.0 20060810\n");
        SysfsBus bus = core.Kernel.HasFauxBus ? SysfsBus.Faux : SysfsBus.Platform;
        foreach (DrmDriver driver in DrmDriver.All)
        {
            table.AddBusDevice(bus, driver.Name);
        }

        foreach (DrmNode node in drm.Nodes)
        {
            string parent = bus.DeviceFolder(node.Driver.Name);
            table.AddNode(
                node.Path, node.Inode, node.Attributes, node.RawDevice,
                (process, access) => drm.NewFile(process, node, access), exclusive: false);
            table.AddDevice($"{parent}/drm/{node.Name}", ClassFolder, DrmNode.Major, node.Minor, node.Uevent);
            table.AddLink($"{parent}/drm/{node.Name}/device", parent);
        }
    }
}
