using System.Text.Json.Nodes;
using System.Xml.Linq;
using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Native;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>What a run says afterwards: what was never closed and who made it, faults, and both again for programs.</summary>
public sealed class ReportTests(Scratch scratch) : IClassFixture<Scratch>
{
    private static readonly string[] Leaky = HeapScript.Program("os._exit(0 * alloc())");
    private static readonly string[] Clean = HeapScript.Program("os.close(alloc())");

    // The first allocation fails, the second does not.
    private static readonly string[] TriesTwice = HeapScript.Program(
        """
        try:
            alloc()
        except OSError as e:
            print(e.errno)
        os.close(alloc())
        """);

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_BufferNeverClosed_IsNamedWithTheCallThatMadeIt()
    {
        (int exitCode, _, string said) = await CocoRun.RunAsync([], Leaky);

        Assert.Equal(0, exitCode);
        Assert.Matches(
            @"coco run: never closed: dma-buf 1 of 8192 bytes, made by DMA_HEAP_IOCTL_ALLOC by python3\[\d+\] at \S+\+0x[0-9a-f]+ "
            + @"\(fd \d+ left by \[\d+\]\)",
            said);
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_ParentAndChildNeverClose_IsOneLeakOfTheLast()
    {
        (_, _, string said) = await CocoRun.RunAsync([], HeapScript.Program(
            """
            fd = alloc()
            if os.fork() != 0:
                os.wait()
            os._exit(0)
            """));

        Assert.Single(said.Split('\n'), line => line.Contains("never closed", StringComparison.Ordinal));
        Assert.Matches(@"made by DMA_HEAP_IOCTL_ALLOC by python3\[(\d+)\] .* left by \[\1\]\)", said);
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_EverythingClosed_NamesNothing()
    {
        (_, _, string said) = await CocoRun.RunAsync([], Clean);

        Assert.DoesNotContain("never closed", said, StringComparison.Ordinal);
    }

    // Four for the allocation: where the program's fd is, its numbers, the ioctl, the memory. One for the last close.
    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_Allocations_TakeTheGuestsLockFourTimesEach()
    {
        const int More = 10;
        long few = await LocksOfAsync(More);
        long many = await LocksOfAsync(2 * More);

        Assert.InRange(many - few, 1, 5 * More);

        async Task<long> LocksOfAsync(int allocations)
        {
            string report = scratch["locks.json"];
            (int exitCode, _, string said) = await CocoRun.RunAsync(["--json", report], HeapScript.Program(
                $"""
                node = os.open('/dev/dma_heap/system', os.O_RDWR)
                for _ in range({allocations}): fcntl.ioctl(node, 0xC0184800, bytearray(struct.pack('QIIQ', 8192, 0, os.O_RDWR, 0)))
                """));
            Assert.True(exitCode == 0, said);
            return (long)JsonNode.Parse(await File.ReadAllTextAsync(report, TestContext.Current.CancellationToken))!["guest_locks"]!;
        }
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_ArmedFault_FailsTheCallThatItSays()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(
            ["--platform", "sev", "--fault", "fail_decrypt:times=1,errno=EFAULT"], TriesTwice);

        Assert.Equal((0, "14\n"), (exitCode, output));
        Assert.Contains("coco run: fault fail_decrypt: ", said, StringComparison.Ordinal);
        Assert.Contains(", 1 failed\n", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_ArmedFaultThatNeverFires_FailsAProgramThatSucceeded()
    {
        (int exitCode, _, string said) = await CocoRun.RunAsync(["--fault", "fail_decrypt"], "/bin/true");

        Assert.Equal(99, exitCode);
        Assert.Contains("fault fail_decrypt: 0 calls, 0 failed - it never fired", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_ArmedFaultThatNeverFires_LeavesAFailureAsItIs() =>
        Assert.Equal(3, (await CocoRun.RunAsync(["--fault", "fail_decrypt"], "/bin/sh", "-c", "exit 3")).ExitCode);

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_Json_HasLeaksCallsFaultsAndCosts()
    {
        string file = scratch["report.json"];

        await CocoRun.RunAsync(["--json", file, "--fault", "failslab:probability=0", "--platform", "tdx", "--kernel", "7.3"], Leaky);

        JsonNode json = JsonNode.Parse(await File.ReadAllTextAsync(file))!;
        JsonNode leak = Assert.Single(json["leaks"]!.AsArray())!;
        JsonNode fault = Assert.Single(json["faults"]!.AsArray())!;
        Assert.Equal(
            ("tdx", "7.3", 0, "running", 0, "DMA_HEAP_IOCTL_ALLOC", "python3", "failslab", 0),
            ((string)json["platform"]!, (string)json["kernel"]!, (int)json["exit_code"]!, (string)json["guest_state"]!,
                (int)json["left_running"]!,
                (string)leak["call"]!, (string)leak["program"]!, (string)fault["point"]!, (int)fault["fired"]!));
        Assert.Contains("ioctl DMA_HEAP_IOCTL_ALLOC 0", json["calls"]!.AsArray().Select(c => (string)c!));
        Assert.Equal(2, (int)json["costs"]!["pages_to_shared"]!);
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_JsonIntoAnXmlFile_IsJUnitWithTheLeakAsAFailure()
    {
        string file = scratch["report.xml"];

        await CocoRun.RunAsync(["--json", file, "--quiet"], Leaky);

        var suite = XElement.Load(file);
        XElement failed = Assert.Single(suite.Elements("testcase"), c => c.Element("failure") is not null);
        Assert.Equal(("python3 (snp, 7.2)", "2", "1", "everything closed"),
            (suite.Attribute("name")!.Value, suite.Attribute("tests")!.Value, suite.Attribute("failures")!.Value,
                failed.Attribute("name")!.Value));
        Assert.Contains("DMA_HEAP_IOCTL_ALLOC", failed.Value, StringComparison.Ordinal);
    }

    [ForeignTheory(ForeignTool.PlainPython)]
    [InlineData("")]
    [InlineData("--matrix 7.2 x none,snp")]
    public async Task Run_FailOnLeaks_Is99WhereTheProgramLeavesFilesOpen(string matrix)
    {
        string[] options = ["--fail-on-leaks", "--quiet", .. matrix.Split(' ', 2, StringSplitOptions.RemoveEmptyEntries)];

        Assert.Equal(99, (await CocoRun.RunAsync(options, HeapScript.Program("os._exit(0 * alloc(heap='system'))"))).ExitCode);
        Assert.Equal(0, (await CocoRun.RunAsync(options, HeapScript.Program("os.close(alloc(heap='system'))"))).ExitCode);
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_FailOnLeaks_LeavesAFailureAsItIs() =>
        Assert.Equal(3, (await CocoRun.RunAsync(["--fail-on-leaks"], HeapScript.Program("os._exit(3 + 0 * alloc())"))).ExitCode);

    [Fact]
    public async Task Matrix_Json_HasTheReportOfEachCellInBothForms()
    {
        (string json, string junit) = (scratch["matrix.json"], scratch["matrix.xml"]);

        (int exitCode, string output, string said) = await CocoRun.RunAsync(
            ["--matrix", "6.12,7.2 x none", "--json", json, "--json", junit, "--quiet"], "/bin/true");

        Assert.Equal((0, "", ""), (exitCode, output, said));
        Assert.Equal(
            [("6.12", "6.12"), ("7.2", "7.2")],
            JsonNode.Parse(await File.ReadAllTextAsync(json))!.AsArray()
                .Select(c => ((string)c!["kernel"]!, (string)c["report"]!["kernel"]!)));
        Assert.Equal(
            ["true (none, 6.12)", "true (none, 7.2)"],
            XElement.Load(junit).Elements("testsuite").Select(s => s.Attribute("name")!.Value));
    }

    [Fact]
    public async Task Run_ProgramThatIsNotThere_LeavesAnOldReportAndMakesNoNewOne()
    {
        (string old, string young) = (scratch.Write("old.json", "old", executable: false), scratch["young.json"]);

        await CocoRun.RunAsync(["--json", old, "--json", young], "/no/such/program");

        Assert.Equal("old", await File.ReadAllTextAsync(old));
        Assert.False(File.Exists(young));
    }

    [Fact]
    public async Task Matrix_Logs_HoldTheOutputOfEachCell()
    {
        string logs = scratch["logs"];

        (int exitCode, string output, string said) = await CocoRun.RunAsync(
            ["--matrix", "6.12,7.2 x none", "--logs", logs], "/bin/sh", "-c", "ls /dev/dma_heap; exit 4");

        Assert.True(exitCode == 1, said);
        Assert.Matches(@"6\.12 +none +4 ", output);
        Assert.Equal(["6.12-none.log", "7.2-none.log"], Directory.GetFiles(logs).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal("system\n", await File.ReadAllTextAsync(Path.Combine(logs, "7.2-none.log")));
    }
}
