using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Native;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>The program's status survives whatever coco does afterwards (X9), and limits that leave coco no room are a sentence.</summary>
public sealed class StatusTests(NativePrograms programs) : IClassFixture<NativePrograms>
{
    private const string Opens =
        """
        import os
        try: os.open('/dev/dma_heap/system', os.O_RDWR); print('opens')
        except OSError as e: print(e)
        """;

    [ForeignTheory(ForeignTool.Compiler)]
    [InlineData]
    [InlineData("--quiet")]
    [InlineData("--fail-on-leaks")]
    [InlineData("--json", "/dev/null", "--json", "/dev/full")]
    public async Task Run_NameThatXmlCannotCarry_KeepsTheStatus(params string[] options)
    {
        (int exitCode, _, string said) = await CocoRun.RunAsync(options, await programs.BuildAsync("named"));

        Assert.True(exitCode == 3, said);
        Assert.DoesNotContain("   at ", said, StringComparison.Ordinal);
        Assert.DoesNotContain('\x1b', said);
    }

    [ForeignFact(ForeignTool.Compiler)]
    public async Task Run_NameThatXmlCannotCarry_IsInTheReportByNumbers()
    {
        using var scratch = new Scratch();
        string file = scratch["report.xml"];

        await CocoRun.RunAsync(["--quiet", "--json", file], await programs.BuildAsync("named"));

        string report = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
        Assert.Contains(@"by \x01\x02\x1b]0;x", report, StringComparison.Ordinal);
        Assert.Equal("testsuite", System.Xml.Linq.XElement.Parse(report).Name);
    }

    // coco's own output is closed or full; the report's file is. (Where no file may grow at all, coco does not start.)
    [Theory]
    [InlineData("$RUN sh -c 'exit 3' 2>/dev/full; echo $?")]
    [InlineData("$RUN sh -c 'exit 3' 2>&- >&-; echo $?")]
    [InlineData("$RUN --json /dev/full sh -c 'exit 3' 2>/dev/null; echo $?")]
    [InlineData("mkdir -p $D/d; cd $D/d; $RUN --json ../x.json sh -c 'cd ..; rm -r d; exit 3' 2>/dev/null; echo $?")]
    public async Task Run_ReportThatCannotBeWritten_KeepsTheStatus(string script)
    {
        using var scratch = new Scratch();
        (_, string output, string said) = await ChildProgram.RunAsync(
            "/bin/bash", ["-c", script], ("RUN", $"{Programs.Coco} run"), ("D", Path.GetDirectoryName(scratch["x"])!));

        Assert.True(output == "3\n", said);
    }

    // So few that the runtime cannot start, that coco can but its threads or its keepers cannot, and enough.
    // A user that nobody is: what others run does not count.
    [ForeignTheory(ForeignTool.Nobody)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(12)]
    [InlineData(14)]
    [InlineData(16)]
    [InlineData(20)]
    [InlineData(40)]
    public async Task Run_FewProcessesAllowed_IsTheProgramsStatusOr125BeforeItRan(int processes)
    {
        (_, string output, string said) = await ChildProgram.RunAsync("setpriv", [
            "--reuid", "61237", "--regid", "61237", "--clear-groups", "/bin/bash", "-c",
            $"ulimit -u {processes}; {Programs.Coco} run --quiet -- sh -c 'echo ran; exit 3' 2>/dev/null; echo $?"]);

        Assert.True(output is "ran\n3\n" || (output is "125\n" or "134\n" or "137\n" && processes < 20), said);
    }

    [ForeignTheory(ForeignTool.PlainPython)]
    [InlineData(20000)]
    [InlineData(8192)]
    [InlineData(4096)]
    [InlineData(1024)]
    [InlineData(256)]
    [InlineData(200)]
    [InlineData(96)]
    public async Task Run_LimitOfFilesLoweredJustBefore_Opens(int limit)
    {
        (_, string output, string said) = await ChildProgram.RunAsync("/bin/bash", [
            "-c", $"ulimit -n {limit}; exec \"$@\"", "-", Programs.Coco, "run", "--quiet", "--", ForeignTools.Python, "-c", Opens]);

        Assert.True(output == "opens\n", said);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(20)]
    [InlineData(64)]
    [InlineData(95)]
    public async Task Run_LimitOfFilesTooLowForCoco_Is125AndASentence(int limit)
    {
        (int exitCode, _, string said) = await ChildProgram.RunAsync("/bin/bash", [
            "-c", $"ulimit -n {limit}; exec \"$@\"", "-", Programs.Coco, "run", "--quiet", "--", "/bin/true"]);

        Assert.Equal(125, exitCode);
        Assert.StartsWith("coco: the limit of open files", said, StringComparison.Ordinal);
        Assert.Equal(1, said.Count(c => c == '\n'));
    }
}
