using System.Collections.Concurrent;
using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Processes;
using CocoGuest.Tests.Replay;
using CocoGuest.Tests.Replay.Probes;
using Record = CocoGuest.Tests.Replay.Record;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary>
/// The probe does with real system calls what a recording of a real kernel did; under <c>coco run --strict</c> it has to see the same. Each
/// family runs for itself, so that one that hangs is not all.
/// </summary>
public sealed class ProbeTests(NativePrograms programs, ITestOutputHelper output) : IClassFixture<NativePrograms>
{
    private static readonly ParallelOptions Side = new() { MaxDegreeOfParallelism = Environment.ProcessorCount };
    private static readonly string[] Known = File.ReadAllLines(Programs.Native("probe-differences.txt"));

    [ForeignTheory(ForeignTool.Compiler)]
    [InlineData("probe.plain_72", "--platform", "none", "--kernel", "7.2")]
    [InlineData("probe.swiotlb_force_72", "--platform", "none", "--kernel", "7.2", "--swiotlb", "force")]
    [InlineData("probe.plain_73", "--platform", "none", "--kernel", "7.3")]
    [InlineData("probe.swiotlb_force_73", "--platform", "none", "--kernel", "7.3", "--swiotlb", "force")]
    [InlineData("probe.plain", "--platform", "none", "--kernel", "6.12")]
    [InlineData("probe.swiotlb_force", "--platform", "none", "--kernel", "6.12", "--swiotlb", "force")]
    [InlineData("probe.coco_72", "--platform", "snp", "--kernel", "7.2")]
    [InlineData("probe.coco_73", "--platform", "snp", "--kernel", "7.3")]
    public async Task Run_ProbeOfARecordedBoot_SeesWhatTheKernelShowed(string recording, params string[] options)
    {
        string probe = await programs.ProbeAsync();
        string lines = await programs.UnpackAsync(recording);
        Record[] records = [.. RecordReader.Read(lines)];
        string printed = Path.Combine(programs.Folder, recording + ".printed");
        var seen = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(records.Select(r => r.Family).Distinct(), Side, async (family, stop) =>
        {
            (int _, string told, string said) = await CocoRun.RunAsync(
                ["--strict", "--quiet", "--memory", "512M", "--cpus", "1", "--cma", "64M", .. options], probe, lines, family + ".");
            seen.Add(told);
            foreach (string line in said.Split('\n').Where(l => !l.StartsWith('{')))
            {
                output.WriteLine(line);
            }
        });
        await File.WriteAllLinesAsync(printed, seen);

        var comparison = ProbeComparison.Of(records, RecordReader.Read(printed));

        var report = new StringWriter();
        ProbeReport.Print(report, comparison, verbose: false);
        output.WriteLine(report.ToString());
        string[] complaints = [.. KnownDifferences.Of(recording["probe.".Length..], Known).Complaints(comparison.Differences)];
        Assert.True(complaints.Length == 0, string.Join('\n', complaints));
    }

    [ForeignFact(ForeignTool.Compiler | ForeignTool.NoHeaps)]
    public async Task Probe_OnAMachineWithoutHeaps_PrintsALineForEachRecordAndFailsEachAllocation()
    {
        string lines = await programs.UnpackAsync("probe.plain_72");

        Dictionary<string, Record> printed = await RunCheckedAsync(lines, "mmap.");

        Record[] wanted = [.. RecordReader.Read(lines).Where(r => r.Family == "mmap")];
        Assert.Equal(wanted.Select(r => r.Place), printed.Keys);
        Assert.All(
            printed.Values.Where(r => r.Op == "heap_alloc"),
            r => Assert.Equal("""{"rc":-1,"errno":"ENOENT"}""", r.Out.GetRawText()));
    }

    [ForeignFact(ForeignTool.Compiler)]
    public async Task Probe_OperationsThatNeedNoDevice_GiveTheKernelsAnswers()
    {
        string lines = Path.Combine(programs.Folder, "own.jsonl");
        await File.WriteAllTextAsync(lines, string.Join('\n', OwnRecords) + "\n");

        Dictionary<string, Record> printed = await RunCheckedAsync(lines, "");

        var comparison = ProbeComparison.Of(RecordReader.Read(lines), printed.Values);
        Assert.Empty(comparison.Differences.Select(d => $"{d.Record.Place}: {d.Field}: want {d.Want} got {d.Got}"));
        Assert.Equal(OwnRecords.Length - 1, comparison.Families.Values.Sum(t => t.Compared));
    }

    // One of them, the fill, has no result. The host's kernel itself gives these answers, to what the probe opens by itself: a memfd, and
    // numbers that are no descriptors.
    private static readonly string[] OwnRecords =
    [
        Line("own.memfd", 0, "memfd", """{"size":16384,"allow_sealing":true}""", """{"seals":2}"""),
        Line("own.memfd", 1, "ftruncate_memfd", """{"len":4096}""", """{"rc":-1,"errno":"EPERM"}"""),
        Line("own.memfd", 2, "ftruncate_memfd", """{"len":32768}""", """{"rc":0}"""),
        Line("own.memfd", 3, "punch_hole_memfd", """{"offset":4096,"len":4096}""", """{"rc":0}"""),
        Line("own.memfd", 4, "fcntl_add_seals", """{"seals":"F_SEAL_WRITE"}""", """{"rc":0,"seals_now":10}"""),
        Line("own.memfd", 5, "lseek", """{"fd":"memfd","offset":"0","whence":2}""", """{"rc":32768}"""),
        Line("own.memfd", 6, "dup", """{"fd":"memfd"}""", """{"rc":0,"fd":"b","getfd":0}"""),
        Line("own.memfd", 7, "close", """{"fd":"b"}""", """{"rc":0}"""),
        Line("own.memfd", 8, "close", """{"fd":"b"}""", """{"rc":-1,"errno":"EBADF"}"""),
        Line("own.map", 0, "memfd", """{"size":8192,"allow_sealing":true}""", """{"seals":0}""", family: "mapops"),
        Line("own.map", 1, "dup", """{"fd":"memfd"}""", """{"rc":0,"fd":"a"}""", family: "mapops"),
        Line("own.map", 2, "mmap", """{"fd":"a","len":"0x2000","prot":"RW","flags":"MAP_SHARED","offset":"0x0"}""", """{"rc":0}""",
            family: "mapops"),
        Line("own.map", 3, "mem_fill", """{"map":"m","len":8192,"byte":"ab"}""", """{}""", family: "mapops"),
        Line("own.map", 4, "mem_read", """{"map":"m","len":8192}""", """{"runs":[["ab",8192]]}""", family: "mapops"),
        Line("own.map", 5, "mprotect", """{"map":"m","prot":"R"}""", """{"rc":0}""", family: "mapops"),
        Line("own.map", 6, "touch", """{"map":"m","rw":"r"}""", """{"result":"ok"}""", family: "mapops"),
        Line("own.map", 7, "touch", """{"map":"m","rw":"w"}""", """{"result":"SIGSEGV/2"}""", family: "mapops"),
        Line("own.map", 8, "munmap", """{"map":"m","offset":0,"len":4096}""", """{"rc":0}""", family: "mapops"),
        Line("own.map", 9, "touch", """{"map":"m","offset":0}""", """{"result":"SIGSEGV/1"}""", family: "mapops"),
        Line("own.map", 10, "touch", """{"map":"m","offset":4096}""", """{"result":"ok"}""", family: "mapops"),
        Line("own.bad", 0, "poll", """{"fd":"none","events":"0x5","timeout_ms":0}""", """{"rc":0,"revents":"0x0"}"""),
        Line("own.bad", 1, "dma_buf_sync", """{"fd":"none","flags":"0x3"}""", """{"rc":-1,"errno":"EBADF"}"""),
        Line("own.open", 0, "open", """{"path":"/dev/null","flags":"O_RDONLY|O_DIRECTORY"}""", """{"rc":-1,"errno":"ENOTDIR"}""",
            family: "dev"),
    ];

    private static string Line(string name, int step, string op, string given, string wanted, string family = "udmabuf") =>
        $$"""{"family":"{{family}}","case":"{{name}}","step":{{step}},"boot":"own","op":"{{op}}","in":{{given}},"out":{{wanted}}}""";

    // With sanitizers: what C leaves undefined ends a case early, which the probe says on stderr.
    private async Task<Dictionary<string, Record>> RunCheckedAsync(string lines, string words)
    {
        (int exitCode, string seen, string said) = await ChildProgram.RunAsync(await programs.CheckedProbeAsync(), [lines, words]);
        Assert.True(exitCode == 0, said);
        Assert.DoesNotContain("ended early", said, StringComparison.Ordinal);
        string printed = Path.Combine(programs.Folder, "checked.printed");
        await File.WriteAllTextAsync(printed, seen);
        return RecordReader.Read(printed).ToDictionary(r => r.Place, StringComparer.Ordinal);
    }
}
