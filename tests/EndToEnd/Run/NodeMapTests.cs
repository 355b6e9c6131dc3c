using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Native;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>mmap of a DRM node, which the program's own threads are made to carry out (RemoteMap, by ptrace).</summary>
public sealed class NodeMapTests
{
    // Four threads map, write, read back and unmap dumb buffers while three others do nothing but make calls.
    private const string Body =
        """
        import threading
        card = os.open('/dev/dri/card0', os.O_RDWR)
        def io(nr, layout, *values):
            data = bytearray(struct.pack(layout, *values))
            fcntl.ioctl(card, 0xC0006400 | (len(data) << 16) | nr, data)
            return struct.unpack(layout, data)
        busy = True
        def spin():
            while busy: os.getppid()
        wrong = []
        def work(mark):
            for turn in range(5):
                handle, _, size = io(0xb2, 'IIIIIIQ', 16, 64, 32, 0, 0, 0, 0)[4:]
                memory = mmap.mmap(card, size, offset=io(0xb3, 'IIQ', handle, 0, 0)[2])
                fresh = memory[:4]; memory[:4] = bytes([mark] * 4)
                if (fresh, memory[:4]) != (bytes(4), bytes([mark] * 4)): wrong.append((mark, turn, fresh))
                memory.close(); io(0xb4, 'I', handle)
        spinners = [threading.Thread(target=spin) for _ in range(3)]
        workers = [threading.Thread(target=work, args=(1 + i,)) for i in range(4)]
        for t in spinners + workers: t.start()
        for t in workers: t.join()
        busy = False
        print(wrong, os.getuid())
        """;

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Mmap_ByFourThreadsAmongOthers_GivesEachItsOwnBuffer()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync([], HeapScript.Program(Body));

        Assert.True(exitCode == 0, said);
        Assert.StartsWith("[] ", output, StringComparison.Ordinal);
        Assert.DoesNotContain("failed here", said, StringComparison.Ordinal);
    }

    [ForeignFact(ForeignTool.PlainPython | ForeignTool.Nobody)]
    public async Task Mmap_ByAnOrdinaryUser_Works()
    {
        string[] asNobody = ForeignTools.AsNobody;
        (int exitCode, string output, string said) = await ChildProgram.RunAsync(
            asNobody[0], [.. asNobody[1..], Programs.Coco, "run", "--", .. HeapScript.Program(Body)]);

        Assert.True(exitCode == 0, said);
        Assert.Equal("[] 65534\n", output);
    }
}
