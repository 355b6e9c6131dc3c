using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Native;
using CocoGuest.Tests.EndToEnd.Processes;
using CocoGuest.Tests.EndToEnd.Run;

namespace CocoGuest.Tests.EndToEnd.Start;

/// <summary>A minimal image has the C library and little else: no OpenSSL, whose files are empty here.</summary>
public sealed class SmallImageTests(Scratch scratch) : IClassFixture<Scratch>
{
    [ForeignFact(ForeignTool.Root)]
    public async Task Run_WithoutOpenSsl_RunsTheProgram() =>
        Assert.Equal((7, ""), await RunAsync($"'{Programs.Coco}' run --quiet -- sh -c 'test -e /dev/dma_heap/system && exit 7'"));

    [ForeignFact(ForeignTool.Root)]
    public async Task Server_WithoutOpenSsl_ServesBothTransports()
    {
        string rt = scratch["server"];
        (int exitCode, string output) = await RunAsync(
            $"'{Programs.Server}' --tcp 127.0.0.1:0 --runtime-dir '{rt}' > '{rt}.out' & until grep -q Try: '{rt}.out'; do :; done; "
            + $"'{Programs.Coco}' --json --server 'unix:{rt}/cocoguest.sock' alloc system_cc_shared 4096; "
            + $"tcp=$(sed -n 's/^ *gRPC *\\(127.*\\)/\\1/p' '{rt}.out'); "
            + $"'{Programs.Coco}' --json --server \"http://$tcp\" alloc system 4096; kill $!; wait $!");

        Assert.Equal(0, exitCode);
        Assert.Equal(2, output.Split("\"fd\"").Length - 1);
    }

    [ForeignFact(ForeignTool.Root)]
    public async Task Demo_WithoutOpenSsl_EndsAsPredicted()
    {
        (int exitCode, string output) = await RunAsync(
            $"XDG_RUNTIME_DIR='{scratch["."]}' '{Programs.Coco}' demo --json --size 64x64 --output /dev/null");

        Assert.True(exitCode == 0, output);
        Assert.Contains("\"asPredicted\":true", output, StringComparison.Ordinal);
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_OfAnyProgram_LoadsNoOpenSsl()
    {
        // The program's parent is its keeper, whose parent is the guard, whose parent is coco.
        (int exitCode, string output, string said) = await CocoRun.RunAsync(["--quiet"], HeapScript.Program(
            """
            os.close(alloc())
            parent = lambda pid: open(f'/proc/{pid}/stat').read().rsplit(') ')[1].split()[1]
            print(open(f'/proc/{parent(parent(os.getppid()))}/maps').read())
            """));

        Assert.True(exitCode == 0, said);
        Assert.Contains("CocoGuest.Machine", output, StringComparison.Ordinal);
        Assert.DoesNotContain("libssl", output, StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(string script)
    {
        const string Hide = "for lib in /usr/lib/*/libssl.so* /usr/lib/*/libcrypto.so* /lib/*/libssl.so* /lib/*/libcrypto.so*; do "
            + "[ -e \"$lib\" ] && mount --bind /dev/null \"$lib\" 2>/dev/null; done; ";
        (int exitCode, string output, _) = await ChildProgram.RunAsync("unshare", ["-m", "sh", "-c", Hide + script]);
        return (exitCode, output);
    }
}
