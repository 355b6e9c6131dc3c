using CocoGuest.Machine;
using CocoGuest.Machine.Profiles;
using CocoGuest.Machine.Tree;
using CocoGuest.Supervisor;
using CocoGuest.Supervisor.Calls;
using FsCheck;
using FsCheck.Fluent;

namespace CocoGuest.Tests.Clients.Supervisor;

/// <summary>Which paths are the guest's, and which are left alone without a look.</summary>
public class GuestPathTests
{
    private static readonly string[] Parts =
    [
        "dev", "dma_heap", "system", "udmabuf", "dri", "card0", "sys", "class", "drm", "kernel", "debug", "tracing", "trace_pipe",
        "proc", "self",
        "fd", "fdinfo", "7", "task", "usr", "..", ".", "", "devices", "x",
    ];

    [Theory]
    [InlineData("", "/dev/dma_heap", "/dev/dma_heap")]
    [InlineData("/home", "/dev//dma_heap/", "/dev/dma_heap")]
    [InlineData("/dev", "dma_heap/system", "/dev/dma_heap/system")]
    [InlineData("/dev/dma_heap", "./system", "/dev/dma_heap/system")]
    [InlineData("/usr/bin", "../../dev/./udmabuf", "/dev/udmabuf")]
    [InlineData("/", "../../dev", "/dev")]
    [InlineData("/a", "..", "/")]
    [InlineData("/a", "b...c", "/a/b...c")]
    public void Normalise_Path_IsAbsoluteAndPlain(string folder, string path, string expected) =>
        Assert.Equal(expected, GuestPath.Normalise(folder, path));

    [Theory]
    [InlineData("/dev/dma_heap", true)]
    [InlineData("/dev/dma_heap/no_such_heap", true)]
    [InlineData("/dev/dma_heaps", false)]
    [InlineData("/dev/udmabuf", true)]
    [InlineData("/dev/dri/renderD128", true)]
    [InlineData("/dev/dr", false)]
    [InlineData("/dev", false)]
    [InlineData("/dev/null", false)]
    [InlineData("/sys/class/drm/card0/dev", true)]
    [InlineData("/sys/kernel/debug/dma_buf/bufinfo", true)]
    [InlineData("/sys/kernel/tracing/trace_pipe", true)]
    [InlineData("/sys/kernel/tracing/trace", false)]
    [InlineData("/sys/dev/char/226:0", true)]
    [InlineData("/sys/dev/char/226:128/device/uevent", true)]
    [InlineData("/sys/dev/char/251:3", true)]
    [InlineData("/sys/dev/char/10:122", true)]
    [InlineData("/sys/dev/char/10:1229", false)]
    [InlineData("/sys/dev/char/2260:0", false)]
    [InlineData("/sys/devices/faux/vgem/drm", true)]
    [InlineData("/sys/devices/platform/vgem", true)]
    [InlineData("/sys/devices/platform/serial8250", false)]
    [InlineData("/sys/bus/faux", true)]
    [InlineData("/sys/bus/platform", false)]
    [InlineData("/", false)]
    public void IsGuests_Path_IsWhatTheGuestAnswersFor(string path, bool expected) => Assert.Equal(expected, GuestPath.IsGuests(path));

    [Theory]
    [InlineData("/dev")]
    [InlineData("/sys/class")]
    [InlineData("/sys/class/misc")]
    [InlineData("/sys/module")]
    [InlineData("/sys/kernel/debug")]
    [InlineData("/sys/kernel/tracing")]
    [InlineData("/sys/devices")]
    [InlineData("/sys/devices/virtual/misc")]
    [InlineData("/sys/bus")]
    [InlineData("/sys/dev/char")]
    public void IsGuests_NameOfTheTreeInAFolderOfTheSystem_IsTheGuests(string folder)
    {
        using var guests = new GuestRegistry(TimeProvider.System, new RandomSecrets());
        Guest guest = guests.Create(new GuestShape { Platform = Platform.None, MemoryBytes = 64UL << 20, Swiotlb = "2048" }).Value;

        TreeEntry[] entries = guest.Tree.SharedEntries(folder)!;

        Assert.NotEmpty(entries);
        Assert.All(entries, entry => Assert.True(GuestPath.IsGuests($"{folder}/{entry.Name}"), entry.Name));
    }

    [Theory]
    [InlineData("/usr/lib/libc.so.6", true)]
    [InlineData("/etc/passwd", true)]
    [InlineData("/usr/../dev/dma_heap", false)]
    [InlineData("/dev/null", false)]
    [InlineData("/proc/self/fd/3", false)]
    [InlineData("//dev/dma_heap", false)]
    [InlineData("/./dev/dma_heap", false)]
    [InlineData("dma_heap", false)]
    public void IsForeign_Path_IsTrueOnlyWhereNobodyNeedsToLook(string path, bool expected) =>
        Assert.Equal(expected, GuestPath.IsForeign(path));

    [Fact]
    public void IsForeign_AnyPath_IsNeverTheGuestsNorAnFds() =>
        Prop.ForAll(Paths().ToArbitrary(), SaysNothingWrong(GuestPath.IsForeign)).Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));

    [Fact]
    public void IsForeign_WithoutALookForDots_IsSeenByTheCheckAbove() =>
        Assert.ThrowsAny<Exception>(() => Prop.ForAll(
            Paths().ToArbitrary(),
            SaysNothingWrong(path =>
                path.StartsWith('/') && !new[] { "/dev", "/sys", "/proc" }.Any(p => path.StartsWith(p, StringComparison.Ordinal))))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(20_000)));

    [Fact]
    public void Normalise_AnyPath_IsItsOwnNormalForm() =>
        Prop.ForAll(
            Paths().ToArbitrary(),
            path => GuestPath.Normalise("", GuestPath.Normalise("/x/y", path)) == GuestPath.Normalise("/x/y", path))
            .QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("/proc/self/fd/7", "self", "fd", 7)]
    [InlineData("/proc/4711/fdinfo/18976", "4711", "fdinfo", 18976)]
    [InlineData("/proc/thread-self/fd/0", "thread-self", "fd", 0)]
    [InlineData("/proc/self/task/12/fd/7", "self", "fd", 7)]
    [InlineData("/proc/self/task/12/fdinfo/7", "self", "fdinfo", 7)]
    [InlineData("/dev/fd/7", "self", "fd", 7)]
    public void FdEntry_EntryOfAnFdFolder_IsTakenApart(string path, string process, string folder, int fd) =>
        Assert.Equal((process, folder, fd), GuestPath.FdEntry(path));

    [Theory]
    [InlineData("/proc/self/fd")]
    [InlineData("/proc/self/fd/x")]
    [InlineData("/proc/self/fd/-1")]
    [InlineData("/proc/self/fd/7/x")]
    [InlineData("/proc/self/maps")]
    [InlineData("/proc/self/map_files/7")]
    [InlineData("/dev/fd")]
    [InlineData("/dev/fdx/7")]
    [InlineData("/prox/self/fd/7")]
    [InlineData("/")]
    public void FdEntry_AnotherPath_IsNone(string path) => Assert.Null(GuestPath.FdEntry(path));

    private static Func<string, bool> SaysNothingWrong(Func<string, bool> isForeign) => path =>
    {
        string meant = GuestPath.Normalise("/dev", path);
        return !isForeign(path) || (!GuestPath.IsGuests(meant) && GuestPath.FdEntry(meant) is null);
    };

    private static Gen<string> Paths() =>
        from start in Gen.Elements("", "/", "//", "/.", "/..", "/usr/../")
        from length in Gen.Choose(1, 7)
        from parts in Gen.Elements(Parts).ListOf(length)
        select start + string.Join('/', parts);
}
