using System.Text.Json.Nodes;
using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Native;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>Threads, children and programs that share buffers: the guest's counts are right whoever closed last.</summary>
public sealed class SharingTests(Scratch scratch) : IClassFixture<Scratch>
{
    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_EightThreads_EachSeesItsOwnBufferAndAllAreFreed()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync([], HeapScript.Program(
            """
            import threading
            bad = []
            def work(n):
                for _ in range(10):
                    fd = alloc()
                    with mmap.mmap(fd, 8192) as m:
                        if m[:] != bytes(8192):
                            bad.append(n)
                        m[:] = bytes([n]) * 8192
                        if m[8191] != n:
                            bad.append(n)
                    os.close(fd)
            threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
            for t in threads: t.start()
            for t in threads: t.join()
            print(bad)
            """));

        Assert.Equal((0, "[]\n"), (exitCode, output));
        Assert.DoesNotContain("never closed", said, StringComparison.Ordinal);
        Assert.Contains("pages to shared 160, pages to private 160", said, StringComparison.Ordinal);
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_BufferInheritedByAnotherProgram_IsOneMemory()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync([], HeapScript.Program(
            """
            import subprocess
            fd = alloc()
            os.set_inheritable(fd, True)
            child = 'import mmap, sys; m = mmap.mmap(int(sys.argv[1]), 8192); print(m[:5].decode()); m[:5] = b"child"'
            with mmap.mmap(fd, 8192) as m:
                m[:6] = b'parent'
                out = subprocess.run([sys.executable, '-c', child, str(fd)], pass_fds=[fd], stdout=subprocess.PIPE, check=True).stdout
                print(out.decode().strip(), m[:6].decode())
            os.close(fd)
            """));

        Assert.True(exitCode == 0, said);
        Assert.Equal("paren childt\n", output);
        Assert.DoesNotContain("never closed", said, StringComparison.Ordinal);
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_HundredChildrenAtOnce_LeaveNoBuffer()
    {
        string file = scratch["fork.json"];
        (int exitCode, string output, string said) = await CocoRun.RunAsync(["--json", file, "--quiet"], HeapScript.Program(
            """
            import signal
            children = []
            for n in range(100):
                pid = os.fork()
                if pid == 0:
                    m = mmap.mmap(alloc(), 8192)
                    m[:] = bytes([n]) * 8192
                    if n % 2:
                        os.kill(os.getpid(), signal.SIGKILL)
                    os._exit(0)
                children.append(pid)
            print(sum(os.waitpid(pid, 0)[1] == 9 for pid in children))
            """));

        Assert.True(exitCode == 0, said);
        Assert.Equal("50\n", output);
        JsonNode json = JsonNode.Parse(await File.ReadAllTextAsync(file))!;
        // Each buffer was made, two pages shared, and freed, two pages private again; none was closed by its program.
        Assert.Equal(
            (200, 200, 100, 0),
            ((int)json["costs"]!["pages_to_shared"]!, (int)json["costs"]!["pages_to_private"]!,
                json["leaks"]!.AsArray().Count(l => ((string)l!["what"]!).StartsWith("dma-buf", StringComparison.Ordinal)),
                (int)json["left_running"]!));
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_TracePipe_ShowsTheKernelsLines()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(["--trace", "dma_buf:*"], HeapScript.Program(
            """
            pipe = os.open('/sys/kernel/tracing/trace_pipe', os.O_RDONLY)
            fd = alloc(65536)
            print(fd)
            print(os.read(pipe, 4096).decode(), end='')
            """));

        Assert.True(exitCode == 0, said);
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Matches(@"^ +python3-\d+ +\[\d{3}\] \S+ +\d+\.\d{6}: dma_buf_export: exp_name=system_cc_shared size=65536 ino=1$", lines[1]);
        Assert.EndsWith($": dma_buf_fd: exp_name=system_cc_shared size=65536 ino=1 fd={lines[0]}", lines[2], StringComparison.Ordinal);
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_AnotherUser_MayNotOpenAHeap()
    {
        (_, string output, _) = await CocoRun.RunAsync(["--user", "1000"], HeapScript.Program(
            """
            try:
                alloc()
            except OSError as e:
                print(e.errno)
            """));

        Assert.Equal("13\n", output);
    }
}
