using CocoGuest.Client;
using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Native;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>
/// What a guest's shape does not do as it may have been meant is said before the program runs: words that the kernel ignores in silence,
/// and more RAM than there is.
/// </summary>
public sealed class ShapeWarningTests(SharedServer shared, Scratch scratch) : IClassFixture<SharedServer>, IClassFixture<Scratch>
{
    private const string Megabytes = "swiotlb=64M: kernel 7.2 ignores 'M'; the pool has 256 slots (512 KiB). The number counts slots "
        + "of 2048 bytes, not bytes: for a pool of 64M write swiotlb=32768.";

    [Theory]
    [InlineData("7.2", "64M", Megabytes)]
    [InlineData("7.2", "foo", "swiotlb=foo: kernel 7.2 ignores 'foo'; the pool has 131072 slots (256 MiB).")]
    [InlineData("7.2", "force,1024", "swiotlb=force,1024: kernel 7.2 ignores 'force,1024'; the pool has 131072 slots (256 MiB).")]
    [InlineData("7.2", "1024,4,forced", "swiotlb=1024,4,forced: kernel 7.2 ignores 'forced'; the pool has 1024 slots (2 MiB).")]
    [InlineData("7.3", "1024,4,forced", "swiotlb=1024,4,forced: kernel 7.3 ignores 'd'; the pool has 1024 slots (2 MiB).")]
    [InlineData("7.2", "force,track_", "swiotlb=force,track_: kernel 7.2 ignores 'force,track_'; the pool has 131072 slots (256 MiB).")]
    public async Task Swiotlb_WithWordsThatTheKernelIgnores_SaysWhatItMakesOfThem(string kernel, string swiotlb, string sentence)
    {
        (int exitCode, _, string said) = await CocoRun.RunAsync(["--kernel", kernel, "--swiotlb", swiotlb], "true");

        Assert.Equal(0, exitCode);
        Assert.Equal("coco run: " + sentence, said.Split('\n')[0]);
    }

    [Theory]
    [InlineData("7.2", "1024,4,force")]
    [InlineData("7.2", "noforce")]
    [InlineData("7.3", "1024,force,track_hiwater")]
    [InlineData("7.2", "0x8000")]
    public async Task Swiotlb_ThatTheKernelUnderstands_SaysNothing(string kernel, string swiotlb)
    {
        (int exitCode, _, string said) = await CocoRun.RunAsync(["--kernel", kernel, "--swiotlb", swiotlb], "true");

        Assert.Equal(0, exitCode);
        Assert.DoesNotContain("swiotlb=", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Swiotlb_OfAServersGuest_IsWarnedOfInItsInfo()
    {
        using CocoConnection connection = shared.Server.Connect();
        (int exitCode, string output, string said) = await ChildProgram.RunAsync(
            Programs.Coco, ["--server", shared.Server.Unix, "guest", "create", "swiotlb", "--swiotlb", "64M"]);

        Assert.True(exitCode == 0, said);
        Assert.Contains($"\nwarnings\n  {Megabytes}\n", output, StringComparison.Ordinal);
        Assert.Empty((await connection.Host.GetGuestAsync(new())).Guest.Warnings);
    }

    [Fact]
    public async Task Swiotlb_OfTheDefaultGuest_IsWarnedOfInTheLog()
    {
        await using ServerProcess server = await ServerProcess.StartAsync("--default-swiotlb", "64M", "--log-level", "warning");
        server.Program.Terminate();
        await server.Program.WaitForExitAsync();

        Assert.Contains($"[8] Guest default: {Megabytes}", server.Program.Errors, StringComparison.Ordinal);
    }

    [ForeignFact(ForeignTool.Root)]
    public async Task Memory_BeyondTheCgroup_IsWarnedOfByServerAndRun()
    {
        // Both versions of cgroups, as the machine has the one or the other.
        Directory.CreateDirectory(scratch["cgroup/memory"]);
        await File.WriteAllTextAsync(scratch["cgroup/memory.max"], "268435456\n");
        await File.WriteAllTextAsync(scratch["cgroup/memory/memory.limit_in_bytes"], "268435456\n");
        string server = $"'{Programs.Server}' --no-tcp --runtime-dir '{scratch["rt"]}'";

        string ofRun = await InCgroupAsync($"'{Programs.Coco}' run -- true");
        string ofSmall = await InCgroupAsync($"'{Programs.Coco}' run --memory 128M -- true");
        string ofServer = await InCgroupAsync($"{server} & until [ -S '{scratch["rt/cocoguest.sock"]}' ]; do :; done; "
            + $"'{Programs.Coco}' --server 'unix:{scratch["rt/cocoguest.sock"]}' guest create second --memory 512M; kill $!; wait");

        const string Allows = "of RAM, and the cgroup of this process allows 256 MiB: ";
        Assert.StartsWith($"coco run: the guest has 4 GiB {Allows}", ofRun, StringComparison.Ordinal);
        Assert.DoesNotContain("cgroup", ofSmall, StringComparison.Ordinal);
        Assert.Contains($"[7] Guest default has 4096 MiB {Allows}", ofServer, StringComparison.Ordinal);
        Assert.Contains($"[7] Guest second has 512 MiB {Allows}", ofServer, StringComparison.Ordinal);
    }

    private async Task<string> InCgroupAsync(string script)
    {
        (int exitCode, _, string said) = await ChildProgram.RunAsync(
            "unshare", ["-m", "sh", "-ec", $"mount --bind '{scratch["cgroup"]}' /sys/fs/cgroup; {script}"]);
        Assert.True(exitCode == 0, said);
        return said;
    }
}
