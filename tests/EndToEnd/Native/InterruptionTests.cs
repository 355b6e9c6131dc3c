using CocoGuest.Tests.EndToEnd.Foreign;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary>What signals do to calls under <c>coco run</c>: as in a kernel, no call that cannot wait is ever interrupted.</summary>
public sealed class InterruptionTests(NativePrograms programs) : IClassFixture<NativePrograms>
{
    [ForeignTheory(ForeignTool.Compiler)]
    [InlineData]
    [InlineData("--strict")]
    public async Task Run_HandlerWithoutRestart_NeverInterruptsCloseNorExec(params string[] options)
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(
            ["--platform", "none", .. options], await programs.BuildAsync("interrupted"));

        Assert.True(exitCode == 0, said);
        Assert.Equal("close 0\ndup2 0\ndup3 0\nclose_range 0\nunshare 0\nexecve 0\nleft 0\n", output);
    }

    [ForeignFact(ForeignTool.Compiler)]
    [Statement("S-BUF-63")]
    public async Task Run_HandledSignalInAWait_EndsItAsTheKernelDoes()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(CocoRun.Plain, await programs.BuildAsync("waits"));

        Assert.True(exitCode == 0, said);
        Assert.Equal(
            [
                "sync EINTR handled", "poll EINTR handled", "ppoll EINTR handled", "read EINTR handled", "readv EINTR handled",
                "pread EINTR handled", "sync-ended terminated", "poll-ended terminated", "read-ended terminated",
                "many-vectors EINVAL", "nowait EOPNOTSUPP", "sync-restarted value handled",
            ],
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [ForeignFact(ForeignTool.Compiler)]
    public async Task Run_CallThatMakesReady_HasMadeReadyWhenItReturns()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(
            ["--platform", "none", "--kernel", "7.2", "--trace", "dma_buf:*"], await programs.BuildAsync("fences"));

        Assert.True(exitCode == 0, said);
        Assert.Equal("single 0\nmerged 0\nexported 0\nepoll 0\ntrace 0\nearly 0\n", output);
    }
}
