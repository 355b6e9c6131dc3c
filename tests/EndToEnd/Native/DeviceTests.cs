using CocoGuest.Tests.EndToEnd.Foreign;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary>How programs find devices under <c>coco run</c>: listings, sysfs and its symbolic links.</summary>
public sealed class DeviceTests
{
    private static readonly string[] Kernel612 = ["--quiet", "--platform", "none", "--kernel", "6.12"];
    private static readonly string[] Kernel72 = ["--quiet", "--platform", "none", "--kernel", "7.2"];

    [ForeignFact(ForeignTool.LibDrmTests)]
    public async Task Run_DrmDeviceOfLibDrm_FindsBothDevicesAndTheirNodes()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(Kernel612, ForeignTools.DrmDevice);

        Assert.True(exitCode == 0, said);
        string[] lines = output.Split('\n');
        Assert.Contains("--- Devices reported 2 ---", lines);
        Assert.Equal(
            ["vgem", "vkms"],
            lines.Where(l => l.Contains("fullname", StringComparison.Ordinal)).Select(l => l.Split('\t')[^1]).Distinct());
        Assert.Equal(
            ["/dev/dri/card0", "/dev/dri/card1", "/dev/dri/renderD128"],
            lines.Where(l => l.StartsWith("--- Opening device node", StringComparison.Ordinal))
                .Select(l => l.Split(' ')[4]).Order(StringComparer.Ordinal));
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_ListingOfSharedFolders_HasTheHostsNamesAndEachOfTheGuestsOnce() => await PrintsAsync(
        Kernel72,
        "True [1, 1, 1]\nTrue [1, 1]\nTrue True\n",
        """
        def counts(folder, host, names):
            found = os.listdir(folder)
            print(host in found, [found.count(n) for n in names])
        counts('/dev', 'null', ['dma_heap', 'dri', 'udmabuf'])
        counts('/sys/class', 'mem', ['dma_heap', 'drm'])
        fd = os.open('/dev', os.O_RDONLY | os.O_DIRECTORY)
        print(os.stat('null', dir_fd=fd).st_rdev == os.makedev(1, 3), os.stat('udmabuf', dir_fd=fd).st_rdev == os.makedev(10, 122))
        """);

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_WalkWithFdsOfPlaces_SeesLinksAndLeavesTheGuestsFolders() => await PrintsAsync(
        Kernel72,
        """
        True ../../devices/faux/vgem/drm/card0
        ../../devices/faux/vgem/drm/card0 ENOENT
        True True
        ['card0', 'card1', 'renderD128', 'version']
        ELOOP

        """,
        """
        import errno, stat
        place = os.O_PATH | os.O_NOFOLLOW
        folder = os.open('/sys/class/drm', place)
        link = os.open('card0', place, dir_fd=folder)
        print(stat.S_ISLNK(os.fstat(link).st_mode), os.readlink('card0', dir_fd=folder))
        def none():
            try:
                return os.readlink('', dir_fd=folder)
            except OSError as e:
                return errno.errorcode[e.errno]
        print(os.readlink('', dir_fd=link), none())
        parent = os.open('..', place, dir_fd=folder)
        print(os.path.samestat(os.fstat(parent), os.stat('/sys/class')), os.stat('drm', dir_fd=parent).st_ino == os.stat('/sys/class/drm').st_ino)
        print(sorted(os.listdir(os.open(f'/proc/self/fd/{folder}', os.O_RDONLY))))
        try:
            os.open('/sys/class/drm/card0', os.O_RDONLY | os.O_NOFOLLOW)
        except OSError as e:
            print(errno.errorcode[e.errno])
        """);

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_PathsThroughLinks_LeadToTheDevice() => await PrintsAsync(
        Kernel612,
        "/sys/devices/platform/vgem\nMODALIAS=platform:vgem\n['card0', 'renderD128']\n226:0\n",
        """
        node = os.stat('/dev/dri/renderD128').st_rdev
        device = f'/sys/dev/char/{os.major(node)}:{os.minor(node)}/device'
        print(os.path.realpath(device))
        print(open(device + '/uevent').read(), end='')
        print(sorted(os.listdir(device + '/drm/')))
        print(open('/sys/class/drm/renderD128/../card0/dev').read(), end='')
        """);

    private static async Task PrintsAsync(string[] options, string expected, string body)
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(options, ForeignTools.Python, "-c", "import os\n" + body);

        Assert.True(exitCode == 0, said);
        Assert.Equal(expected, output);
    }
}
