using CocoGuest.Linux.Processes;

namespace CocoGuest.Tests.Service.Hosting;

/// <summary>The memory that the server may use, from files as machines and containers have them.</summary>
public sealed class MemoryLimitTests : IDisposable
{
    private const string Ram = "MemTotal:       16384000 kB\nMemFree:         1000 kB\n";
    private const ulong RamBytes = 16384000UL << 10;

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("cocoguest-root-");

    public void Dispose() => _root.Delete(recursive: true);

    [Theory]
    [InlineData("0::/\n", "sys/fs/cgroup/memory.max", "268435456\n", 268435456)]
    [InlineData("0::/user.slice/a\n", "sys/fs/cgroup/user.slice/memory.max", "268435456\n", 268435456)]
    [InlineData("0::/docker/0123\n", "sys/fs/cgroup/memory.max", "268435456\n", 268435456)]
    [InlineData("0::/\n", "sys/fs/cgroup/memory.max", "max\n", RamBytes)]
    [InlineData("4:memory:/a/b\n0::/\n", "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "268435456\n", 268435456)]
    [InlineData("4:cpu,memory:/docker/0123\n0::/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n", 268435456)]
    [InlineData("4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n", RamBytes)]
    [InlineData("3:cpu:/\n", "sys/fs/cgroup/memory.max", "1\n", RamBytes)]
    public void Read_OfAMachine_IsTheSmallestLimit(string cgroup, string file, string limit, ulong bytes)
    {
        Write("proc/meminfo", Ram);
        Write("proc/self/cgroup", cgroup);
        Write(file, limit);

        MemoryLimit read = MemoryLimit.Read(_root.FullName)!;
        Assert.Equal((bytes, bytes == RamBytes ? "the RAM of this machine" : "the cgroup of this process"), (read.Bytes, read.Whose));
    }

    [Fact]
    public void Read_OfNestedCgroups_IsTheOuterOneWhereItIsSmaller()
    {
        Write("proc/self/cgroup", "0::/pod/container\n");
        Write("sys/fs/cgroup/pod/memory.max", "1000\n");
        Write("sys/fs/cgroup/pod/container/memory.max", "2000\n");

        Assert.Equal(1000UL, MemoryLimit.Read(_root.FullName)!.Bytes);
    }

    [Fact]
    public void Read_WithoutAnyFile_IsUnknown() => Assert.Null(MemoryLimit.Read(_root.FullName));

    [Fact]
    public void Read_OfThisMachine_IsNotMoreThanItsRam() =>
        Assert.InRange(MemoryLimit.Read()!.Bytes, 1UL, (ulong)GC.GetGCMemoryInfo().TotalAvailableMemoryBytes * 2);

    private void Write(string path, string text)
    {
        string full = Path.Combine(_root.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
    }
}
