using CocoGuest.Tests.EndToEnd.Foreign;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary>epoll of a dma-buf is the host kernel's, and says of its fences what the recorded kernels said (poll.epoll.*).</summary>
public sealed class EpollTests(NativePrograms programs) : IClassFixture<NativePrograms>
{
    [ForeignTheory(ForeignTool.Compiler)]
    [InlineData]
    [InlineData("--strict")]
    [Statement("S-BUF-13")]
    public async Task Run_ProgramThatWaitsWithEpoll_SeesItsFences(params string[] options)
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(
            ["--platform", "none", "--kernel", "7.2", .. options], await programs.BuildAsync("epoll"));

        Assert.True(exitCode == 0, said);
        Assert.Equal(
            [
                "add ok", "again EEXIST", "idle 1 5/123456789abcdef", "read-fence 1 1/123456789abcdef", "both-fences 0",
                "write-fence 0", "signalled 1 5/123456789abcdef", "level 1 5/123456789abcdef", "mod ok", "once 1 4/2", "no-more 0",
                "child-again EEXIST", "del ok", "del-again ENOENT", "edge-add ok", "edge-waits 0", "edge 1 1/3", "edge-once 0",
                "edge-not-asked 0", "edge-mod ok", "edge-asked 1 1/4", "edge-level ok", "dup-left 1 1/5", "closed 0", "heap EPERM",
                "fault EFAULT", "no-set EINVAL",
            ],
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
