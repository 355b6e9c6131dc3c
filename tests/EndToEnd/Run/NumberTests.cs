using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Native;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>Numbers of emulated fds: no two open files get the same, whoever made the number.</summary>
public sealed class NumberTests
{
    private const string Node = "node = lambda: os.open('/dev/dma_heap/system', os.O_RDWR)\n";

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Open_AfterADup_LeavesTheDuplicateAlone() => await PrintsAsync(
        "True True\n",
        Node + """
        first = node(); second = os.dup(first); buffer = alloc(); folder = os.open('/dev/dma_heap', os.O_RDONLY); last = node()
        numbers = [first, second, buffer, folder, last]
        print(len(set(numbers)) == 5, os.listdir(folder) == ['system', 'system_cc_shared'])
        """);

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Open_InAForkedChild_LeavesWhatItInheritedAlone() => await PrintsAsync(
        "True 8192\n",
        Node + """
        buffer = alloc()
        if os.fork() == 0:
            print(node() != buffer, os.lseek(buffer, 0, os.SEEK_END), flush=True)
            os._exit(0)
        os.wait()
        """);

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Fcntl_DupFd_IsTheLowestFromTheNumberOn() => await PrintsAsync(
        "7 22 22\n",
        """
        import resource
        buffer = alloc()
        def dup(least):
            try:
                return fcntl.fcntl(buffer, fcntl.F_DUPFD, least) - buffer
            except OSError as e:
                return e.errno
        print(dup(buffer + 7), dup(-1), dup(resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
        """);

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Fcntl_WhatTheKernelKeepsOfAnyFile_IsTheKernels() => await PrintsAsync(
        "0 0\n", "buffer = alloc(); print(fcntl.fcntl(buffer, fcntl.F_GETOWN), fcntl.fcntl(buffer, fcntl.F_GETSIG))");

    private static async Task PrintsAsync(string expected, string body)
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(["--quiet"], HeapScript.Program(body));

        Assert.True(exitCode == 0, said);
        Assert.Equal(expected, output);
    }
}
