using System.IO.MemoryMappedFiles;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Clients.Supervisor;

/// <summary>Lines of /proc/PID/maps.</summary>
public class HostMapTests
{
    [Fact]
    public void Parse_MemfdMapping_HasRangeRightsAndFile() =>
        Assert.Equal(
            new HostMap(0x7f1c2a000000, 0x7f1c2a010000, "rw-s", 0x3000, new FileIdentity(1, 1043), "/memfd:coco (deleted)"),
            HostMap.Parse("7f1c2a000000-7f1c2a010000 rw-s 00003000 00:01 1043                       /memfd:coco (deleted)"));

    [Fact]
    public void Parse_DeviceNumber_IsEncodedAsStatDoes() =>
        // What of the minor number is above eight bits lies above the major number.
        Assert.Equal(
            new FileIdentity(0x110306, 7), HostMap.Parse("00400000-00452000 r-xp 00000000 103:106 7   /usr/bin/dbus-daemon")!.File);

    [Fact]
    public void Parse_NameWithBlanks_IsWhole() =>
        Assert.Equal("/tmp/a b  c", HostMap.Parse("00400000-00452000 r-xp 00000000 08:02 7      /tmp/a b  c")!.Name);

    [Theory]
    [InlineData("")]
    [InlineData("7ffd1000-7ffd3000 rw-p 00000000 00:00 0                          [stack]")]
    [InlineData("7ffd1000-7ffd3000 rw-p 00000000 00:00 0 ")]
    [InlineData("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0      [vsyscall]")]
    public void Parse_NoFile_IsNull(string line) => Assert.Null(HostMap.Parse(line));

    [Fact]
    public void Parse_MappingOfAMemfd_HasTheIdentityThatStatGives()
    {
        using SafeFileHandle memfd = HostFile.CreateMemfd("host-map-test", new byte[4096]);
        using var mapped = MemoryMappedFile.CreateFromFile(
            memfd, null, 4096, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
        using MemoryMappedViewAccessor view = mapped.CreateViewAccessor();

        HostMap map = Assert.Single(
            ProcFolder.MapsOf(Environment.ProcessId), m => m.Name.StartsWith("/memfd:host-map-test", StringComparison.Ordinal));

        Assert.Equal((HostFile.IdentityOf(memfd), 4096UL, "rw-s"), (map.File, map.End - map.Start, map.Rights));
    }
}
