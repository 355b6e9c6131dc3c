using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Native;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>
/// What <c>--strict</c> is for: one program, run with it and without. Without it the host's kernel answers for the memfd behind the buffer,
/// so that run is what a supervisor that misses the call would give: each line differs, or the test of the other run tests nothing.
/// </summary>
public sealed class StrictTests
{
    private const string Start =
        """
        import ctypes, mmap, select, threading
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
        V, N = ctypes.c_void_p, ctypes.c_size_t
        class Vec(ctypes.Structure): _fields_ = [('base', V), ('length', N)]
        def errno(result): return ctypes.get_errno() if result in (-1, 2**64 - 1) else 0
        buffer = alloc()
        at = libc.mmap(None, 8192, 3, 1, buffer, 0)
        own = ctypes.create_string_buffer(64)
        here, there = ctypes.byref(Vec(ctypes.addressof(own), 64)), ctypes.byref(Vec(at, 64))

        """;

    [ForeignTheory(ForeignTool.PlainPython)]
    [Statement("S-PIN-02")]
    [Statement("S-BUF-36")]
    [InlineData("libc.process_vm_readv(os.getpid(), here, 1, there, 1, 0)", 14)]
    [InlineData("libc.process_vm_writev(os.getpid(), here, 1, there, 1, 0)", 14)]
    [InlineData("libc.vmsplice(os.pipe()[1], there, 1, 0)", 14)]
    [InlineData("libc.mprotect(V(at), N(8192), 7)", 13)]
    [InlineData("libc.madvise(V(at), N(8192), 12)", 22)]
    [InlineData("libc.madvise(V(at), N(8192), 22)", 22)]
    [InlineData("libc.msync(V(at), N(8192), 4)", 22)]
    [InlineData("libc.mremap(V(at), N(8192), N(16384), 1)", 14)]
    public async Task Range_OfABufferMapping_IsRefusedWithStrictOnly(string call, int errno)
    {
        Assert.Equal($"{errno}\n", await OutputAsync("--strict", $"print(errno({call}))"));
        Assert.Equal("0\n", await OutputAsync("--quiet", $"print(errno({call}))"));
    }

    [ForeignFact(ForeignTool.PlainPython)]
    [Statement("S-REC-53")]
    public async Task Mincore_OfAFreshMapping_IsNotResidentWithStrictOnly()
    {
        const string look = "pages = ctypes.create_string_buffer(2); print(libc.mincore(V(at), N(8192), pages), list(pages.raw))";

        Assert.Equal("0 [0, 0]\n", await OutputAsync("--strict", "ctypes.memset(at, 1, 8192); " + look));
        Assert.Equal("0 [1, 1]\n", await OutputAsync("--quiet", "ctypes.memset(at, 1, 8192); " + look));
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Range_OfOtherMemory_IsTheKernels() => Assert.Equal(
        "64 0 0 0\n",
        await OutputAsync(
            "--strict",
            """
            other = libc.mmap(None, 8192, 3, 0x21, -1, 0)
            print(libc.process_vm_readv(os.getpid(), here, 1, ctypes.byref(Vec(other, 64)), 1, 0), errno(libc.madvise(V(other), N(8192), 12)),
                errno(libc.msync(V(other), N(8192), 4)), errno(libc.mremap(V(other), N(8192), N(4096), 1)))
            """));

    // A fence of sw_sync as the buffer's writer: until it signals nobody may read. The second poll waits, with a pipe beside the buffer.
    [ForeignTheory(ForeignTool.PlainPython)]
    [Statement("S-BUF-13")]
    [InlineData("--strict", "[] [] [(True, 1)]\n")]
    [InlineData("--quiet", "[(True, 1)] [] [(True, 1)]\n")]
    public async Task Poll_BufferWithAnUnsignalledFence_WaitsForItWithStrictOnly(string option, string expected) => Assert.Equal(
        expected,
        await OutputAsync(
            option,
            """
            timeline = os.open('/sys/kernel/debug/sync/sw_sync', os.O_RDWR)
            data = bytearray(struct.pack('I32si', 1, b'writer', 0)); fcntl.ioctl(timeline, 0xC0285700, data)
            fcntl.ioctl(buffer, 0x40086203, struct.pack('Ii', 2, struct.unpack('I32si', data)[2]))
            both = select.poll(); both.register(buffer, select.POLLIN); pipe = os.pipe(); both.register(pipe[0], select.POLLIN)
            def ready(patience): return [(fd == buffer, events) for fd, events in both.poll(patience)]
            now = ready(0)
            beside = select.poll(); beside.register(pipe[0], select.POLLIN)
            threading.Thread(target=lambda: fcntl.ioctl(timeline, 0x40045701, struct.pack('I', 1))).start()
            print(now, beside.poll(0), ready(60000))
            """));

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Poll_PipeBesideAnUnsignalledBuffer_EndsTheWait() => Assert.Equal(
        "[(False, 1)]\n",
        await OutputAsync(
            "--strict",
            """
            timeline = os.open('/sys/kernel/debug/sync/sw_sync', os.O_RDWR)
            data = bytearray(struct.pack('I32si', 1, b'writer', 0)); fcntl.ioctl(timeline, 0xC0285700, data)
            fcntl.ioctl(buffer, 0x40086203, struct.pack('Ii', 2, struct.unpack('I32si', data)[2]))
            pipe = os.pipe(); both = select.poll(); both.register(buffer, select.POLLIN); both.register(pipe[0], select.POLLIN)
            threading.Thread(target=lambda: os.write(pipe[1], b'x')).start()
            print([(fd == buffer, events) for fd, events in both.poll(60000)])
            """));

    private static async Task<string> OutputAsync(string option, string body)
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync([option], HeapScript.Program(Start + body));
        Assert.True(exitCode == 0, said);
        return output;
    }
}
