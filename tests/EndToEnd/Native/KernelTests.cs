using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary>
/// The kernel's own self-tests, unmodified: their source comes from Debian's kernel source package (test.sh fetches it into .test/kernel),
/// and is built in a temporary folder. Nothing of it is part of the project.
/// </summary>
public sealed class KernelTests(ITestOutputHelper output) : IDisposable
{
    private const ForeignTool Needed = ForeignTool.KernelTests | ForeignTool.Compiler | ForeignTool.Make;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coco-e2e-kernel-");

    [ForeignTheory(Needed)]
    [InlineData(22, 0, "--platform", "none", "--kernel", "6.12", "--cma", "64M")]
    [InlineData(20, 2, "--platform", "none", "--kernel", "6.12", "--cma", "64M", "--swiotlb", "force")]
    [InlineData(20, 2, "--platform", "snp", "--kernel", "6.12", "--cma", "64M")]
    public async Task DmaBufHeaps_InEachGuest_PassesAsOnTheRecordedKernel(int passed, int failed, params string[] options)
    {
        string program = await BuildAsync("dmabuf-heaps", "dmabuf-heap");

        (_, string said, _) = await CocoRun.RunAsync(options, program);

        output.WriteLine(said);
        Assert.Equal((passed, failed), (Count(said, "ok "), Count(said, "not ok ")));
    }

    [ForeignFact(Needed | ForeignTool.Podman)]
    public async Task DmaBufHeaps_InAContainerWithoutPrivileges_PassesAsOutside()
    {
        string program = await BuildAsync("dmabuf-heaps", "dmabuf-heap");
        Environment.SetEnvironmentVariable("CONTAINERS_CONF", Container.Configuration);

        (_, _, string said) = await ChildProgram.RunAsync("podman",
            [.. Container.Options, Programs.Coco, "run", "--platform", "none", "--kernel", "6.12", "--cma", "64M", "--", program]);

        output.WriteLine(said);
        Assert.Equal((22, 0), (Count(said, "ok "), Count(said, "not ok ")));
    }

    /// <summary>Its last test needs huge pages of the host.</summary>
    [ForeignFact(Needed)]
    public async Task Udmabuf_InAPlainGuest_FailsNothingThatNeedsNoHugePages()
    {
        string program = await BuildAsync("drivers/dma-buf", "udmabuf");

        (_, string said, _) = await CocoRun.RunAsync(CocoRun.Plain, program);

        output.WriteLine(said);
        Assert.True(Count(said, "ok ") >= 5, said);
        Assert.Equal(0, Count(said, "not ok "));
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Delete(recursive: true);

    // "ok 1 # SKIP ..." is no pass.
    private static int Count(string said, string verdict) =>
        said.Split('\n').Count(line =>
            line.StartsWith(verdict, StringComparison.Ordinal) && !line.Contains("# SKIP", StringComparison.Ordinal));

    // As a developer would: make in the test's folder. Headers that are not installed here come from the same source;
    // there `__user` is a word.
    private async Task<string> BuildAsync(string test, string program)
    {
        await RunAsync("cp", "-R", Path.Combine(ForeignTools.KernelTests, "."), _folder.FullName);
        string folder = Path.Combine(_folder.FullName, "tools/testing/selftests", test);
        await RunAsync("make", "-C", folder, $"KHDR_INCLUDES=-isystem {_folder.FullName}/include/uapi -D__user=");
        return Path.Combine(folder, program);
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        (int exitCode, _, string said) = await ChildProgram.RunAsync(program, arguments);
        Assert.True(exitCode == 0, said);
    }
}
