using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Native;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>
/// However a run ends, nothing of it stays behind, and signals find whom they are for. What is killed would go on for a quarter of an hour,
/// longer than a test waits: if it ends, then because the run did.
/// </summary>
public sealed class EndingTests
{
    // A shell waits for a child interruptibly, for its own sleep it would not.
    private const string WaitForEver = "while :; do sleep 1000 & wait $!; done";

    [Fact]
    public async Task KillCoco_ProgramRuns_EndsTheProgram()
    {
        await using ChildProgram coco = Start("echo $$; exec sleep 1000");
        using var program = ProcessEnd.Of(ProcessEnd.Pid(await coco.ReadLineAsync(_ => true)));

        coco.Kill();

        await program.WaitAsync();
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task KillCoco_ProgramHasABuffer_EndsTheProgram()
    {
        await using var coco = ChildProgram.Start(
            Programs.Coco, ["run", "--", .. HeapScript.Program("fd = alloc(); print(os.getpid(), flush=True); sys.stdin.read()")]);
        using var program = ProcessEnd.Of(ProcessEnd.Pid(await coco.ReadLineAsync(_ => true)));

        coco.Kill();

        await program.WaitAsync();
    }

    // The program ends before its children, and the keeper must not go with it. Those that do nothing but run make the machine busy, so
    // that the keeper would; more than once all the same.
    [Fact]
    public async Task KillCoco_ProgramHasChildren_EndsThemAll()
    {
        for (int round = 0; round < 10; round++)
        {
            await using ChildProgram coco = Start("for i in 1 2 3 4; do (while :; do :; done) & echo $!; sleep 1000 & echo $!; done; wait");
            var children = new List<ProcessEnd>();
            try
            {
                for (int i = 0; i < 8; i++)
                {
                    children.Add(ProcessEnd.Of(ProcessEnd.Pid(await coco.ReadLineAsync(_ => true))));
                }

                coco.Kill();
                await Task.WhenAll(children.Select(c => c.WaitAsync()));
            }
            finally
            {
                children.ForEach(static c => c.Dispose());
            }
        }
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task KillProgram_WithABuffer_IsReportedAnd137()
    {
        await using var coco = ChildProgram.Start(
            Programs.Coco, ["run", "--", .. HeapScript.Program("fd = alloc(); print(os.getpid(), flush=True); sys.stdin.read()")]);
        int program = ProcessEnd.Pid(await coco.ReadLineAsync(_ => true));

        ProcessEnd.Signal(program, ProcessEnd.Kill);

        Assert.Equal(137, await coco.WaitForExitAsync());
        Assert.Contains("exit status 137", coco.Said, StringComparison.Ordinal);
        Assert.Matches(@"never closed: dma-buf 1 of 8192 bytes, made by DMA_HEAP_IOCTL_ALLOC .*\(its process was killed\)", coco.Said);
    }

    [Fact]
    public async Task Run_BackgroundChildren_EndWithTheProgram()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(
            [], "/bin/sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!; sleep 1000 >/dev/null 2>&1 & echo $!");

        Assert.True(exitCode == 0, said);
        Assert.Contains("left running and killed: 2 process(es)", said, StringComparison.Ordinal);
        int[] children = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => int.Parse(l, System.Globalization.CultureInfo.InvariantCulture))];
        Assert.Equal(2, children.Length);
        Assert.DoesNotContain(children, ProcessEnd.IsAlive);
    }

    [Fact]
    public async Task Terminate_Coco_LetsTheProgramDecide()
    {
        await using ChildProgram coco = Start($"trap 'echo got it; exit 9' TERM; echo ready; {WaitForEver}");
        await coco.ReadLineAsync(line => line == "ready");

        coco.Terminate();

        await coco.ReadLineAsync(line => line == "got it");
        Assert.Equal(9, await coco.WaitForExitAsync());
    }

    // More than once: coco handles signals on another thread, so a mistake there shows in one run of ten or so,
    // if the program ends at once.
    [Fact]
    public async Task Interrupt_ProcessGroup_IsTheProgramsToHandle()
    {
        for (int round = 0; round < 20; round++)
        {
            // A terminal's ^C goes to everybody in the foreground group; setsid makes one of coco and the program.
            await using var coco = ChildProgram.Start(
                "setsid", [Programs.Coco, "run", "--", "/bin/sh", "-c", $"trap 'exit 6' INT; echo ready; {WaitForEver}"]);
            await coco.ReadLineAsync(line => line == "ready");

            ProcessEnd.Signal(-coco.Pid, ProcessEnd.Interrupt);

            Assert.Equal(6, await coco.WaitForExitAsync());
        }
    }

    [Fact]
    public async Task Run_UnderNohup_ProgramIgnoresHangUps()
    {
        await using var coco = ChildProgram.Start(
            "/bin/sh", ["-c", "trap '' HUP; exec \"$0\" run -- grep SigIgn /proc/self/status", Programs.Coco]);

        string line = await coco.ReadLineAsync(l => l.StartsWith("SigIgn", StringComparison.Ordinal));

        Assert.EndsWith("1", line, StringComparison.Ordinal);
        Assert.Equal(0, await coco.WaitForExitAsync());
    }

    private static ChildProgram Start(string script) => ChildProgram.Start(Programs.Coco, ["run", "--", "/bin/sh", "-c", script]);
}
