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

    // A heap looks at a command's number alone: SYNC is an allocation there, whose fd is not written back, but open.
    [ForeignFact(ForeignTool.PlainPython)]
    [Statement("S-HEAP-20")]
    public async Task Ioctl_SyncOfAHeap_AllocatesAndTheFdIsThere() => await PrintsAsync(
        "0 1\n",
        Node + """
        def buffers(): return sum(os.readlink(f'/proc/self/fd/{fd}').startswith('/dmabuf') for fd in os.listdir('/proc/self/fd') if os.path.lexists(f'/proc/self/fd/{fd}'))
        heap = node(); before = buffers(); fcntl.ioctl(heap, 0x40086200, struct.pack('Q', 8192)); print(before, buffers())
        """);

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Fcntl_WhatTheKernelKeepsOfAnyFile_IsTheKernels() => await PrintsAsync(
        "0 0\n", "buffer = alloc(); print(fcntl.fcntl(buffer, fcntl.F_GETOWN), fcntl.fcntl(buffer, fcntl.F_GETSIG))");

    // 25: ENOTTY of /dev/null; 9: EBADF. The number was used before, and the buffer lives on,
    // so a supervisor that remembered too long would answer 0.
    [ForeignTheory(ForeignTool.PlainPython)]
    [InlineData("os.close(buffer)", 9)]
    [InlineData("os.dup2(null, buffer)", 25)]
    [InlineData("os.dup2(null, buffer, inheritable=False)", 25)]
    [InlineData("os.closerange(buffer, buffer + 1)", 9)]
    [InlineData("libc.syscall(436, ctypes.c_uint(buffer), ctypes.c_uint(buffer), 0)", 9)]
    [InlineData("libc.syscall(436, ctypes.c_uint(buffer), ctypes.c_uint(buffer), 2)", 9)]
    [InlineData("libc.syscall(33, null, buffer)", 25)]
    [InlineData("t = threading.Thread(target=lambda: os.close(buffer)); t.start(); t.join()", 9)]
    [InlineData(
        "t = threading.Thread(target=lambda: (libc.unshare(0x400), os.close(buffer), used.append(sync()))); t.start(); t.join(); "
        + "assert used.pop() == 9", 0)]
    [InlineData("os.fork() == 0 and (os.close(buffer), os._exit(sync() != 9)); assert os.wait()[1] == 0", 0)]
    public async Task Sync_AfterTheNumberChanged_IsAboutWhatItIsNow(string change, int errno) => await PrintsAsync(
        $"[0, 0] {errno}\n",
        $"""
        import ctypes, threading
        libc = ctypes.CDLL(None)
        buffer = alloc(); null = os.open('/dev/null', os.O_RDWR)
        def sync():
            try:
                fcntl.ioctl(buffer, 0x40086200, struct.pack('Q', 1)); fcntl.ioctl(buffer, 0x40086200, struct.pack('Q', 5))
                return 0
            except OSError as e:
                return e.errno
        keep = os.dup(buffer); used = [sync(), sync()]
        {change}
        print(used, sync())
        """);

    private static async Task PrintsAsync(string expected, string body)
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(["--quiet"], HeapScript.Program(body));

        Assert.True(exitCode == 0, said);
        Assert.Equal(expected, output);
    }
}
