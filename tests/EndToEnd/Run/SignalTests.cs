using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Native;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>Signals that processes send to coco are the program's, each once, as if coco were not there.</summary>
public sealed class SignalTests(NativePrograms programs) : IClassFixture<NativePrograms>
{
    private const int Terminate = 15;

    [ForeignTheory(ForeignTool.Compiler)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(12)]
    [InlineData(14)]
    [InlineData(23)]
    [InlineData(28)]
    [InlineData(29)]
    [InlineData(40)]
    [InlineData(64)]
    public async Task Signal_ToCoco_ReachesTheProgramOnce(int signal)
    {
        await using ChildProgram coco = await StartAsync();

        ProcessEnd.Signal(coco.Pid, signal);
        await coco.ReadLineAsync(line => line == $"signal {signal} value 0");
        await EndsWithAsync(coco, [$"signal {signal} value 0", "signal 15 value 0"]);
    }

    [ForeignTheory(ForeignTool.Compiler)]
    [InlineData("HUP", 1)]
    [InlineData("INT", 2)]
    [InlineData("USR1", 10)]
    [InlineData("RTMIN+7", 41)]
    public async Task Signal_ToTheGroup_ReachesTheProgramOnce(string name, int signal)
    {
        // More than once: the keeper, which tells the two apart, and coco are woken at the same moment.
        for (int round = 0; round < 5; round++)
        {
            await using ChildProgram coco = await StartAsync("setsid");

            await ChildProgram.RunAsync("/bin/bash", ["-c", $"kill -s {name} -- -{coco.Pid}"]);

            await coco.ReadLineAsync(line => line == $"signal {signal} value 0");
            await EndsWithAsync(coco, [$"signal {signal} value 0", "signal 15 value 0"]);
        }
    }

    [ForeignFact(ForeignTool.Compiler | ForeignTool.PlainPython)]
    public async Task Sigqueue_ToCoco_BringsItsValue()
    {
        await using ChildProgram coco = await StartAsync();

        (int exitCode, _, string said) = await ChildProgram.RunAsync(ForeignTools.Python, [
            "-c", $"import ctypes; assert ctypes.CDLL(None).sigqueue({coco.Pid}, 45, ctypes.c_void_p(1234)) == 0"]);

        Assert.True(exitCode == 0, said);
        await coco.ReadLineAsync(line => line == "signal 45 value 1234");
        await EndsWithAsync(coco, ["signal 45 value 1234", "signal 15 value 0"]);
    }

    // timeout sends the signal to its child and then, but for --foreground, to its group. A program that takes the first before the
    // second is sent gets two, with and without coco; one more would be coco's.
    [ForeignTheory(ForeignTool.Compiler)]
    [InlineData("--foreground", 2, 1)]
    [InlineData("", 2, 2)]
    [InlineData("", 12, 2)]
    public async Task Timeout_OfCoco_ReachesTheProgramNoOftenerThanWithout(string option, int signal, int most)
    {
        string program = await programs.BuildAsync("tell_signals");
        await using var timeout = ChildProgram.Start(
            "/bin/bash", ["-c", $"exec timeout {option} -s {signal} 1000 {Programs.Coco} run --quiet -- {program}"]);
        await timeout.ReadLineAsync(line => line == "ready");

        // What it does when the time is over it does of an alarm.
        ProcessEnd.Signal(timeout.Pid, ProcessEnd.Alarm);

        await timeout.ReadLineAsync(line => line == $"signal {signal} value 0");
        ProcessEnd.Signal(ProcessTree.Named(timeout.Pid, "tell_signals"), Terminate);
        await timeout.WaitForExitAsync();
        string[] lines = Lines(timeout);
        Assert.Equal(["ready", $"signal {signal} value 0", "signal 15 value 0"], lines.Distinct());
        Assert.InRange(lines.Length - 2, 1, most);
    }

    // What a terminal sends comes from the kernel, to everybody in the foreground: the program has it already.
    [ForeignFact(ForeignTool.Compiler | ForeignTool.PlainPython)]
    public async Task Terminal_Interrupt_ReachesTheProgramOnceAndLeavesTheTerminalAsItWas()
    {
        string program = await programs.BuildAsync("tell_signals");
        const string script =
            """
            import os, pty, signal, sys, termios
            pid, terminal = pty.fork()
            if pid == 0:
                os.execv(sys.argv[1], sys.argv[1:])
            before = None; seen = b''; sent = 0
            while True:
                try:
                    more = os.read(terminal, 1000)
                except OSError:
                    break
                seen += more
                if b'ready' in seen and sent == 0:
                    before = termios.tcgetattr(terminal); sent = 1; os.write(terminal, b'\x03')
                if b'signal 2' in seen and sent == 1:
                    sent = 2; os.write(terminal, b'\x1c')
                if b'signal 3' in seen and sent == 2:
                    sent = 3; after = termios.tcgetattr(terminal); os.kill(pid, signal.SIGTERM)
            print([l for l in seen.decode().split() if l.isdigit()], before == after, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            """;
        (int exitCode, string output, string said) = await ChildProgram.RunAsync(
            ForeignTools.Python, ["-c", script, Programs.Coco, "run", "--quiet", "--", program]);

        Assert.True(exitCode == 0, said);
        Assert.Equal("['2', '0', '3', '0', '15', '0'] True 7\n", output);
    }

    private static async Task EndsWithAsync(ChildProgram coco, string[] signals)
    {
        coco.Terminate();
        Assert.Equal(7, await coco.WaitForExitAsync());
        Assert.Equal(["ready", .. signals], Lines(coco));
    }

    private static string[] Lines(ChildProgram program) => program.Said.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private async Task<ChildProgram> StartAsync(params string[] by)
    {
        string[] words = [.. by, Programs.Coco, "run", "--quiet", "--", await programs.BuildAsync("tell_signals")];
        var coco = ChildProgram.Start(words[0], words[1..]);
        await coco.ReadLineAsync(line => line == "ready");
        return coco;
    }
}
