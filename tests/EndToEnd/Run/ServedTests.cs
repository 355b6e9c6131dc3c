using CocoGuest.Client;
using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary><c>coco run --guest</c>: the guest is a server's, and several runs may be in it.</summary>
public sealed class ServedTests(PythonStubs stubs) : IClassFixture<PythonStubs>
{
    private const string Passing =
        """
        import array, socket
        path = sys.argv[1]
        def census():
            try:
                return [l for l in open('/sys/kernel/debug/dma_buf/bufinfo') if l.startswith('0')][0].split()[3]
            except IndexError:
                return 'none'

        """;

    private const string Sending =
        """
        import socket
        server = socket.socket(socket.AF_UNIX); server.bind(sys.argv[1]); server.listen(); print('ready', flush=True)
        buffer = alloc(); memory = mmap.mmap(buffer, 8192); memory[:5] = b'hello'
        peer = server.accept()[0]
        socket.send_fds(peer, [b'x'], [buffer])
        peer.recv(1); print(memory[4096:4102], flush=True)
        os._exit(0)
        """;

    // The giver sends a buffer to a program of another run. That one writes, and once the giver is gone
    // (its socket is the last thing that ends) reads.
    private static readonly string[] Giver = HeapScript.Program(
        Passing +
        """
        server = socket.socket(socket.AF_UNIX); server.bind(path); server.listen(); print('ready', flush=True)
        buffer = alloc(); memory = mmap.mmap(buffer, 8192); memory[:5] = b'hello'
        peer = server.accept()[0]
        socket.send_fds(peer, [b'x'], [buffer])
        peer.recv(1); print(memory[5:11], census(), flush=True)
        os._exit(0)
        """);

    private static readonly string[] Taker = HeapScript.Program(
        Passing +
        """
        peer = socket.socket(socket.AF_UNIX); peer.connect(path)
        buffer = socket.recv_fds(peer, 1, 1)[1][0]
        fcntl.ioctl(buffer, 0x40086200, struct.pack('Q', 3))
        memory = mmap.mmap(buffer, 8192); word = memory[:5]; memory[5:11] = b' there'
        fcntl.ioctl(buffer, 0x40086200, struct.pack('Q', 7))
        name = os.readlink(f'/proc/self/fd/{buffer}')
        peer.send(b'x'); peer.recv(1)
        fcntl.ioctl(buffer, 0x40086200, struct.pack('Q', 1))
        print(word, name, memory[5:11], flush=True)
        """);

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_BufferSentToAnotherRun_IsOneBufferInBoth()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        await server.CreateGuestAsync("shared");
        using var scratch = new Scratch();
        string socket = scratch["s"];

        await using ChildProgram giver = Start(server, "shared", [.. Giver, socket]);
        await giver.ReadLineAsync(line => line == "ready");
        await using ChildProgram taker = Start(server, "shared", [.. Taker, socket]);
        string given = await giver.ReadLineAsync(line => line.StartsWith("b'", StringComparison.Ordinal));
        int giverEnd = await giver.WaitForExitAsync();
        string taken = await taker.ReadLineAsync(line => line.StartsWith("b'", StringComparison.Ordinal));
        int takerEnd = await taker.WaitForExitAsync();

        // In each run an fd, the duplicate that Python makes for mmap, and the mapping (S-BUF-100).
        Assert.Equal("b' there' 00000006", given);
        Assert.Equal("b'hello' /dmabuf: b' there'", taken);
        Assert.Equal((0, 0), (giverEnd, takerEnd));
        Assert.True(!giver.Said.Contains("never closed: dma-buf", StringComparison.Ordinal), giver.Said);
        Assert.Contains("never closed: dma-buf", taker.Said, StringComparison.Ordinal);
        using CocoConnection connection = server.Connect();
        Assert.Equal(0u, (await GuestCensus.TakeAsync(connection, "shared")).Objects.Buffers);
    }

    [ForeignTheory(ForeignTool.Python)]
    [InlineData("--strict")]
    [InlineData("--quiet")]
    [Statement("S-BUF-93")]
    public async Task Run_BufferSentToAGrpcImporter_IsImportedMappedAndWrittenByItsDevice(string option)
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        using var scratch = new Scratch();
        string socket = scratch["s"];

        await using var program = ChildProgram.Start(
            Programs.Coco, ["--server", server.Unix, "run", "--guest", "default", option, "--", .. HeapScript.Program(Sending), socket]);
        await program.ReadLineAsync(line => line == "ready");
        ForeignWalk seen = await ForeignWalk.RunAsync(server, () => stubs.Start("nic", server.Unix, socket));

        Assert.True(await program.WaitForExitAsync() == 0, program.Said);
        Assert.Contains("b'by DMA'", program.Said, StringComparison.Ordinal);
        Assert.Equal("8192", seen.Text("size"));
        Assert.Equal("22", seen.Text("share_of_a_socket"));
        Assert.Equal("ENOENT", seen.Text("import_of_no_token"));
        Assert.Equal("hello", seen.Text("dma_read"));
        Assert.Equal("hello", seen.Text("dma_read_after_exit"));
        using CocoConnection connection = server.Connect();
        Assert.Equal(0u, (await GuestCensus.TakeAsync(connection, "default")).Objects.Buffers);
    }

    [Fact]
    public async Task KillServer_ProgramRuns_EndsTheProgramAndTheStatusSaysSo()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        await using ChildProgram coco = Start(server, "default", ["/bin/sh", "-c", "echo $$; kill -STOP $$"]);
        using var program = ProcessEnd.Of(ProcessEnd.Pid(await coco.ReadLineAsync(line => int.TryParse(line, out _))));

        server.Program.Kill();

        await program.WaitAsync();
        Assert.Equal(125, await coco.WaitForExitAsync());
    }

    private static ChildProgram Start(ServerProcess server, string guest, IEnumerable<string> program) =>
        ChildProgram.Start(Programs.Coco, ["--server", server.Unix, "run", "--guest", guest, "--", .. program]);
}
