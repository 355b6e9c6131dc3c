using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary>
/// Programs that know nothing of CocoGuest, under <c>coco run</c>: dynamic and static, C, Python and Go, several that share a buffer.
/// </summary>
public sealed class ProgramTests(NativePrograms programs) : IClassFixture<NativePrograms>
{
    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_Python_AllocatesMapsAndLeavesNothing()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(
            CocoRun.Plain, ForeignTools.Python, Programs.Native("programs/heap_walk.py"));

        Assert.True(exitCode == 0, said);
        Dictionary<string, string> seen = CocoRun.Fields(output);
        Assert.Equal(
            ("default_cma_region,system", "65536", "/dmabuf:from-python", "python", "1", "0", "FileNotFoundError"),
            (seen["heaps"], seen["size"], seen["link"], seen["read"], seen["total"], seen["left"], seen["missing"]));
    }

    [ForeignFact(ForeignTool.Busybox)]
    public async Task Run_StaticBusybox_ListsTheHeaps()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(
            CocoRun.Plain, ForeignTools.Busybox, "ls", "-l", "/dev/dma_heap");

        Assert.True(exitCode == 0, said);
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(
            ["default_cma_region", "system"],
            lines.Where(l => l.StartsWith('c')).Select(l => l.Split(' ')[^1]).Order(StringComparer.Ordinal));
        Assert.All(lines.Where(l => l.StartsWith('c')), line => Assert.StartsWith("crw-------", line, StringComparison.Ordinal));
    }

    [ForeignFact(ForeignTool.Go)]
    public async Task Run_GoWithManyThreads_EveryBufferIsFreshAndZero()
    {
        string program = Path.Combine(programs.Folder, "heap_walk");
        (int built, _, string complaint) = await ChildProgram.RunAsync(
            "go", ["build", "-o", program, Programs.Native("programs/heap_walk.go")],
            ("GOCACHE", Path.Combine(programs.Folder, "go-cache")), ("GO111MODULE", "off"), ("CGO_ENABLED", "0"));
        Assert.True(built == 0, complaint);

        (int exitCode, string output, string said) = await CocoRun.RunAsync(CocoRun.Plain, program);

        Assert.True(exitCode == 0, said);
        Assert.Equal("walks 320 failed 0\n", output);
    }

    [ForeignFact(ForeignTool.Compiler)]
    public async Task Run_TwoProgramsThatPassABuffer_ShareItsMemory()
    {
        string program = await programs.BuildAsync("pass_fd");
        string socket = Path.Combine(programs.Folder, "pass_fd.sock");

        (int exitCode, string output, string said) = await CocoRun.RunAsync(
            CocoRun.Plain, "/bin/sh", "-c", $"'{program}' take '{socket}' & '{program}' give '{socket}' && wait $!");

        Assert.True(exitCode == 0, said);
        Assert.Equal(
            ["buffers at the end: 0", "buffers with one mapping left: 1", "give sees taken", "take sees given"],
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    [ForeignFact(ForeignTool.Compiler)]
    public async Task Run_HundredChildren_LeaveNothingButTheParentsBuffer()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(CocoRun.Plain, await programs.BuildAsync("fork_bomb"));

        Assert.True(exitCode == 0, said);
        Assert.Equal("failed 0 wrong 0 buffers 1\n", output);
    }

    [ForeignFact(ForeignTool.Compiler)]
    [Statement("S-BUF-116", "S-BUF-115")]
    public async Task Run_TwoUdmabufsOfOneMemfd_AreTwoBuffersAndEachMapIsChecked()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(CocoRun.Plain, await programs.BuildAsync("twice"));

        Assert.True(exitCode == 0, said);
        Assert.Equal("sizes 16384 8192\nshared 77 buffers 3\nfirst-gone 2\nrefused 200\n", output);
    }
}
