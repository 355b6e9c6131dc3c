using System.Globalization;
using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Native;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>Trace events that were asked for are seen: on stderr, in a file, in a matrix' logs; and what is lost is counted.</summary>
public sealed class TraceOutputTests(Scratch scratch) : IClassFixture<Scratch>
{
    private const string Export = ": dma_buf_export: ";

    private static readonly string[] Program = HeapScript.Program("os.close(alloc())");

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Trace_WithoutAnOutput_IsOnStderrInTheKernelsText()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(["--trace", "dma_buf:*"], Program);

        Assert.Equal((0, ""), (exitCode, output));
        Assert.Contains(said.Split('\n'), line => IsExport(line, "python3"));
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Trace_WithAnOutput_IsInTheFileAlone()
    {
        await File.WriteAllTextAsync(scratch["trace"], "from another run, and longer than what comes now\n" + new string('x', 100_000));
        (int exitCode, _, string said) = await CocoRun.RunAsync(["--trace", "dma_buf:*", "--trace-output", scratch["trace"]], Program);

        string[] lines = await File.ReadAllLinesAsync(scratch["trace"]);
        Assert.Equal(0, exitCode);
        Assert.DoesNotContain(Export, said, StringComparison.Ordinal);
        Assert.True(IsExport(lines[0], "python3"), lines[0]);
        Assert.All(lines, line => Assert.Contains(": dma_buf_", line, StringComparison.Ordinal));
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Trace_OfMoreEventsThanTheRingHolds_HasThemAllOrSaysHowManyAreMissing()
    {
        await CocoRun.RunAsync(["--quiet", "--trace", "dma_buf_export", "--trace-output", scratch["many"]],
            HeapScript.Program("for i in range(9000):\n    os.close(alloc(4096))"));

        string[] lines = await File.ReadAllLinesAsync(scratch["many"]);
        int lost = lines.Where(l => l.Contains("[LOST ", StringComparison.Ordinal)).Sum(l => int.Parse(
            l.Split("LOST ")[1].Split(' ')[0], CultureInfo.InvariantCulture));
        Assert.Equal(9000, lost + lines.Count(l => IsExport(l, "python3")));
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Trace_ThatTheProgramReadsItself_IsInTheFileAsWell()
    {
        (_, string output, _) = await CocoRun.RunAsync(
            ["--quiet", "--trace", "dma_buf_export", "--trace-output", scratch["both"]],
            HeapScript.Program(
                """
                pipe = os.open('/sys/kernel/tracing/trace_pipe', os.O_RDONLY)
                os.close(alloc())
                print(os.read(pipe, 4096).decode(), end='')
                """));

        Assert.Contains(Export, output, StringComparison.Ordinal);
        Assert.Equal(output, await File.ReadAllTextAsync(scratch["both"]));
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Trace_OfAMatrix_IsInTheLogs()
    {
        await CocoRun.RunAsync(
            ["--quiet", "--matrix", "7.2,7.3 x snp", "--logs", scratch["logs"], "--trace", "dma_buf:*"], Program);

        foreach (string cell in new[] { "7.2-snp", "7.3-snp" })
        {
            Assert.Contains(await File.ReadAllLinesAsync(Path.Combine(scratch["logs"], $"{cell}.log")), line => IsExport(line, "python3"));
        }
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Trace_OfWhatNeverHappens_SaysSo()
    {
        (int exitCode, _, string said) = await CocoRun.RunAsync(["--trace", "swiotlb:*"], Program);

        Assert.Equal(0, exitCode);
        Assert.Contains("coco run: no event of swiotlb:* happened\n", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--trace-output takes the events that --trace switches on", "--trace-output", "/tmp/x")]
    [InlineData("--trace-output is one file and --matrix has", "--trace-output", "/tmp/x", "--trace", "*", "--matrix", "7.2 x snp")]
    [InlineData("--trace-output: /nope/x cannot be written: there is no folder /nope", "--trace", "*", "--trace-output", "/nope/x")]
    [InlineData("--guest names a guest that has its shape", "--guest", "g", "--trace", "*", "--trace-output", "/tmp/x")]
    public async Task TraceOutput_ThatWouldDoNothing_IsRefusedInALine(string sentence, params string[] options)
    {
        (int exitCode, _, string said) = await CocoRun.RunAsync(options, "true");

        Assert.Equal(125, exitCode);
        string line = Assert.Single(said.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("coco run: " + sentence, line, StringComparison.Ordinal);
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task TraceOutput_OnAFullDisk_IsASentenceAndKeepsTheStatus()
    {
        (int exitCode, _, string said) = await CocoRun.RunAsync(
            ["--trace", "dma_buf:*", "--trace-output", "/dev/full"], HeapScript.Program("os.close(alloc()); sys.exit(7)"));

        Assert.Equal(7, exitCode);
        Assert.Contains("coco run: --trace-output: /dev/full cannot be written: ", said, StringComparison.Ordinal);
    }

    // As trace_pipe has it: task, pid, CPU, flags, time, event.
    private static bool IsExport(string line, string task) =>
        line.TrimStart().StartsWith(task, StringComparison.Ordinal) && line.Contains(Export, StringComparison.Ordinal);
}
