using System.Text;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;
using CocoGuest.Machine.Tree;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Files;

/// <summary>Devices, classes and buses of sysfs, and the symbolic links between them.</summary>
public sealed class SysfsTests
{
    private const uint LinkMode = 0xa1ff;

    [Theory]
    [Statement("S-GPU-27")]
    [InlineData(KernelVersion.V612, "/sys/class/drm/card0", "../../devices/platform/vgem/drm/card0")]
    [InlineData(KernelVersion.V612, "/sys/dev/char/226:128", "../../devices/platform/vgem/drm/renderD128")]
    [InlineData(KernelVersion.V612, "/sys/devices/platform/vgem/drm/card0/device", "../../../vgem")]
    [InlineData(KernelVersion.V612, "/sys/devices/platform/vgem/drm/card0/subsystem", "../../../../../class/drm")]
    [InlineData(KernelVersion.V612, "/sys/devices/platform/vgem/subsystem", "../../../bus/platform")]
    [InlineData(KernelVersion.V612, "/sys/class/drm/card1", "../../devices/platform/vkms/drm/card1")]
    [InlineData(KernelVersion.V72, "/sys/class/drm/card0", "../../devices/faux/vgem/drm/card0")]
    [InlineData(KernelVersion.V72, "/sys/devices/faux/vgem/driver", "../../../bus/faux/drivers/faux_driver")]
    [InlineData(KernelVersion.V72, "/sys/bus/faux/devices/vgem", "../../../devices/faux/vgem")]
    [InlineData(KernelVersion.V72, "/sys/bus/faux/drivers/faux_driver/vgem", "../../../../devices/faux/vgem")]
    [InlineData(KernelVersion.V72, "/sys/class/dma_heap/system", "../../devices/virtual/dma_heap/system")]
    [InlineData(KernelVersion.V72, "/sys/devices/virtual/dma_heap/system/subsystem", "../../../../class/dma_heap")]
    [InlineData(KernelVersion.V72, "/sys/class/misc/udmabuf", "../../devices/virtual/misc/udmabuf")]
    public void ReadLink_OfSysfs_IsTheKernels(KernelVersion kernel, string path, string target)
    {
        using var test = new TestGuest(Platform.None, kernel);

        Assert.Equal(target, test.Guest.Tree.ReadLink(test.Init, path).Value);
        FileStat link = test.Guest.Tree.Stat(test.Init, path, follow: false).Value;
        Assert.Equal((TreeKind.Link, LinkMode, 0UL), (test.Guest.Tree.Kind(test.Init, path), link.Mode, link.Size));
    }

    [Theory]
    [Statement("S-GPU-27")]
    [InlineData(KernelVersion.V612, "/sys/dev/char/226:0/device/uevent", "MODALIAS=platform:vgem\n")]
    [InlineData(KernelVersion.V612, "/sys/class/drm/card1/device/modalias", "platform:vkms\n")]
    [InlineData(KernelVersion.V612, "/sys/class/drm/card0/device/driver_override", "(null)\n")]
    [InlineData(KernelVersion.V72, "/sys/dev/char/226:0/device/uevent", "DRIVER=faux_driver\n")]
    [InlineData(KernelVersion.V72, "/sys/class/drm/renderD128/device/drm/card0/dev", "226:0\n")]
    [InlineData(KernelVersion.V72, "/sys/dev/char/251:0/uevent", "MAJOR=251\nMINOR=0\nDEVNAME=dma_heap/system\n")]
    [InlineData(KernelVersion.V72, "/sys/dev/char/10:122/uevent", "MAJOR=10\nMINOR=122\nDEVNAME=udmabuf\n")]
    public void ReadText_ThroughLinks_IsTheDevices(KernelVersion kernel, string path, string text)
    {
        using var test = new TestGuest(Platform.None, kernel);

        Assert.Equal(text, Encoding.ASCII.GetString(test.Guest.Tree.ReadText(test.Init, path).Value));
    }

    [Theory]
    [Statement("S-GPU-27")]
    [InlineData(KernelVersion.V612, "/sys/class/drm/card0/device", new[] { "driver_override", "drm", "modalias", "subsystem", "uevent" })]
    [InlineData(KernelVersion.V72, "/sys/class/drm/card0/device", new[] { "driver", "drm", "subsystem", "uevent" })]
    [InlineData(KernelVersion.V72, "/sys/class/drm/card0", new[] { "dev", "device", "subsystem", "uevent" })]
    [InlineData(KernelVersion.V72, "/sys/class/dma_heap/system/", new[] { "dev", "subsystem", "uevent" })]
    public void List_ThroughALink_IsTheFoldersBehindIt(KernelVersion kernel, string path, string[] names)
    {
        using var test = new TestGuest(Platform.None, kernel);

        Assert.Equal(names, test.Guest.Tree.List(test.Init, path).Value);
    }

    [Theory]
    [InlineData("/sys/class/drm/card0", false, "/sys/class/drm/card0")]
    [InlineData("/sys/class/drm/card0", true, "/sys/devices/faux/vgem/drm/card0")]
    [InlineData("/sys/class/drm/card0/", false, "/sys/devices/faux/vgem/drm/card0")]
    [InlineData("/sys/class/drm/card0/device", false, "/sys/devices/faux/vgem/drm/card0/device")]
    [InlineData("/sys/class/drm/card0/device/../vkms/./uevent", true, "/sys/devices/faux/vkms/uevent")]
    [InlineData("/sys/class/drm/card0/device/subsystem/../faux/devices/vgem", true, "/sys/devices/faux/vgem")]
    [InlineData("/sys/class/drm/../../..", true, "/")]
    [InlineData("/dev//dri/./card0", true, "/dev/dri/card0")]
    [InlineData("/etc/passwd", true, "/etc/passwd")]
    public void Follow_Path_WalksLinksAsTheKernelDoes(string path, bool last, string expected)
    {
        using var test = new TestGuest(Platform.None);

        Assert.Equal(expected, test.Guest.Tree.Follow(path, last));
    }

    [Fact]
    public void Follow_EveryLinkOfTheTree_LeadsToWhatIsThere()
    {
        using var test = new TestGuest(Platform.None);
        string[] links = [.. Below(test, "/sys/class/drm", "/sys/class/dma_heap", "/sys/bus/faux", "/sys/devices/faux")
            .Where(p => test.Guest.Tree.Kind(test.Init, p) == TreeKind.Link)];

        Assert.Contains("/sys/devices/faux/vgem/driver", links);
        Assert.All(links, link => Assert.Equal(TreeKind.Folder, test.Guest.Tree.Kind(test.Init, test.Guest.Tree.Follow(link, last: true))));
    }

    [Fact]
    [Statement("S-GPU-27")]
    public void Sysfs_OfAKernelWithTheOtherBus_HasNoSuchDevice()
    {
        using var old = new TestGuest(Platform.None, KernelVersion.V612);
        using var recent = new TestGuest(Platform.None);

        Assert.Equal(
            (TreeKind.None, TreeKind.None),
            (old.Guest.Tree.Kind(old.Init, "/sys/devices/faux"), recent.Guest.Tree.Kind(recent.Init, "/sys/devices/platform/vgem")));
    }

    [Theory]
    [InlineData(OpenFlags.NoFollow, Errno.ELOOP)]
    [InlineData(OpenFlags.NoFollow | OpenFlags.Directory, Errno.ENOTDIR)]
    [InlineData(OpenFlags.NoFollow | OpenFlags.PathOnly, Errno.None)]
    [InlineData(OpenFlags.Directory, Errno.None)]
    public void CheckOpen_OfALink_FollowsItOrRefuses(uint flags, Errno errno)
    {
        using var test = new TestGuest(Platform.None);

        Assert.Equal(errno, test.Guest.Tree.CheckOpen(test.Init, "/sys/class/drm/card0", flags)?.Errno ?? Errno.None);
    }

    [Theory]
    [InlineData("/sys/class/drm/version", Errno.EINVAL)]
    [InlineData("/sys/class/drm/card7", Errno.ENOENT)]
    public void ReadLink_OfWhatIsNone_SaysWhy(string path, Errno errno)
    {
        using var test = new TestGuest(Platform.None);

        Assert.Equal(errno, test.Guest.Tree.ReadLink(test.Init, path).Failure!.Errno);
    }

    [Fact]
    public void Stat_OfFolders_CountsTheFoldersInThem()
    {
        using var test = new TestGuest(Platform.None);
        uint Links(string path) => test.Guest.Tree.Stat(test.Init, path).Value.Links;

        Assert.Equal((2U, 3U, 4U), (Links("/sys/class/drm"), Links("/sys/devices/faux/vgem"), Links("/sys/devices/faux/vgem/drm")));
    }

    [Theory]
    [InlineData("/dev", new[] { "dma_heap", "dri", "udmabuf" })]
    [InlineData("/sys/class", new[] { "dma_heap", "drm" })]
    [InlineData("/sys/bus", new[] { "faux" })]
    [InlineData("/sys/dev/char", new[] { "10:122", "226:0", "226:1", "226:128", "251:0" })]
    public void SharedEntries_OfAFolderOfTheSystem_AreTheGuests(string path, string[] names)
    {
        using var test = new TestGuest(Platform.None);

        Assert.Equal(names, test.Guest.Tree.SharedEntries(path)!.Select(e => e.Name).Order(StringComparer.Ordinal));
        Assert.Null(test.Guest.Tree.SharedEntries(path + "/x"));
    }

    [Theory]
    [InlineData("/dev/dri", 0x01021994u)]
    [InlineData("/sys/class/drm", 0x62656572u)]
    [InlineData("/sys/kernel/debug/dma_buf", 0x64626720u)]
    public void FileSystemOf_Folder_IsThatOfItsMount(string path, uint magic) => Assert.Equal(magic, GuestTree.FileSystemOf(path).Type);

    private static IEnumerable<string> Below(TestGuest test, params string[] folders) => folders
        .SelectMany(folder => test.Guest.Tree.List(test.Init, folder).Value.Select(name => $"{folder}/{name}"))
        .SelectMany(path => test.Guest.Tree.Kind(test.Init, path) == TreeKind.Folder ? [path, .. Below(test, path)] : (string[])[path]);
}
