using System.Diagnostics;
using System.Globalization;
using CocoGuest.Linux;
using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Native;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>
/// Whoever of a run is killed, or told to end, nothing of it is left (X8): of daemons, sleepers, busy and stopped ones, ones that fork
/// and end for ever. All of them have the run's output open, so its end says that they are gone; a run that left one would be waited for.
/// COCOGUEST_KILL_RUNS=200 makes that many runs a way, and prints a table.
/// </summary>
public sealed class KillTests(NativePrograms programs, ITestOutputHelper output) : IClassFixture<NativePrograms>
{
    private const string Coco = "coco";
    private const string Guard = "coco-guard";
    private const string Keeper = "coco-keeper";

    private static readonly int Runs =
        int.TryParse(Environment.GetEnvironmentVariable("COCOGUEST_KILL_RUNS"), CultureInfo.InvariantCulture, out int runs) ? runs : 2;

    [ForeignTheory(ForeignTool.Compiler)]
    [InlineData(Coco)]
    [InlineData(Keeper)]
    [InlineData(Guard, Coco)]
    [InlineData(Coco, Guard)]
    [InlineData(Coco, Keeper)]
    [InlineData(Keeper, Coco)]
    [InlineData(Guard, Keeper)]
    [InlineData(Keeper, Guard)]
    public Task Kill_OneOrTwoOfTheRun_LeavesNothing(params string[] whom) =>
        RepeatAsync($"kill -9 of {string.Join(" and ", whom)}", coco => Kill(coco, whom));

    // An ordinary user mostly may make no control group, so everybody has to be found.
    [ForeignTheory(ForeignTool.Compiler | ForeignTool.Nobody)]
    [InlineData(Coco)]
    [InlineData(Keeper)]
    [InlineData(Coco, Keeper)]
    [InlineData(Guard, Coco)]
    [InlineData(Keeper, Guard)]
    public Task Kill_OneOrTwoOfAnOrdinaryUsersRun_LeavesNothing(params string[] whom) =>
        RepeatAsync($"nobody's: kill -9 of {string.Join(" and ", whom)}", coco => Kill(coco, whom), by: ForeignTools.AsNobody);

    [ForeignFact(ForeignTool.Compiler)]
    public Task Kill_TheGroup_LeavesNothing() => RepeatAsync(
        "kill -9 of the process group", static coco => ProcessEnd.Signal(-coco.Pid, ProcessEnd.Kill), by: ["setsid"]);

    [ForeignFact(ForeignTool.Compiler | ForeignTool.Nobody)]
    public Task Kill_TheGroupOfAnOrdinaryUsersRun_LeavesNothing() => RepeatAsync(
        "nobody's: kill -9 of the process group", static coco => ProcessEnd.Signal(-coco.Pid, ProcessEnd.Kill),
        by: ["setsid", .. ForeignTools.AsNobody]);

    [ForeignTheory(ForeignTool.Compiler)]
    [InlineData("SIGTERM", Libc.Sigterm)]
    [InlineData("SIGHUP", Libc.Sighup)]
    [InlineData("SIGINT", Libc.Sigint)]
    public Task Signal_ThatEndsTheProgram_LeavesNothingAndIsTheStatus(string name, int signal) => RepeatAsync(
        $"{name} to coco", coco => ProcessEnd.Signal(coco.Pid, signal), status: 128 + signal);

    [ForeignFact(ForeignTool.Compiler)]
    public async Task End_OfTheProgram_LeavesNothingAndIsTheStatus()
    {
        string crowd = await programs.BuildAsync("crowd");
        for (int run = 0; run < Runs; run++)
        {
            await using var coco = ChildProgram.Start(Programs.Coco, ["run", "--quiet", "--", crowd, "3"]);
            Assert.Equal(3, await coco.WaitForExitAsync());
        }
    }

    [ForeignFact(ForeignTool.Compiler)]
    public async Task Kill_TheServer_LeavesNothingAndTheStatusSaysSo()
    {
        string crowd = await programs.BuildAsync("crowd");
        var times = new List<TimeSpan>();
        for (int run = 0; run < Runs; run++)
        {
            await using ServerProcess server = await ServerProcess.StartAsync();
            await using var coco = ChildProgram.Start(
                Programs.Coco, ["--server", server.Unix, "run", "--guest", "default", "--quiet", "--", crowd]);
            await coco.ReadLineAsync(line => line == "ready");
            long start = Stopwatch.GetTimestamp();
            server.Program.Kill();
            Assert.Equal(125, await coco.WaitForExitAsync());
            times.Add(Stopwatch.GetElapsedTime(start));
        }

        Print("kill -9 of the server", times);
    }

    // Each of these left three sockets of the runtime's diagnostics there, for ever.
    [Theory]
    [InlineData(Coco)]
    [InlineData(Keeper)]
    [InlineData(Guard)]
    public async Task Kill_OneOfTheRun_LeavesNoFile(string whom)
    {
        // Others' files may have been left there under the same pids, long ago.
        string[] before = Directory.GetFileSystemEntries(Path.GetTempPath());
        await using var coco = ChildProgram.Start(Programs.Coco, ["run", "--quiet", "--", "/bin/sh", "-c", "echo ready; exec sleep 1000"]);
        await coco.ReadLineAsync(line => line == "ready");
        int guard = ProcessTree.Named(coco.Pid, Guard);
        int[] pids = [coco.Pid, guard, ProcessTree.Named(guard, Keeper)];
        using var guardEnd = ProcessEnd.Of(guard);

        ProcessEnd.Signal(whom == Coco ? coco.Pid : ProcessTree.Named(coco.Pid, whom), ProcessEnd.Kill);
        if (whom == Guard)
        {
            coco.Kill();
        }

        await coco.WaitForExitAsync();
        await guardEnd.WaitAsync();

        Assert.Empty(
            from path in Directory.GetFileSystemEntries(Path.GetTempPath()).Except(before)
            let words = Path.GetFileName(path).Split('-')
            where pids.Any(pid => words.Contains(pid.ToString(CultureInfo.InvariantCulture)))
            select path);
    }

    private static void Kill(ChildProgram coco, string[] whom)
    {
        int[] pids = [.. whom.Select(w => w == Coco ? coco.Pid : ProcessTree.Named(coco.Pid, w))];
        Array.ForEach(pids, static pid => ProcessEnd.Signal(pid, ProcessEnd.Kill));
    }

    private async Task RepeatAsync(string what, Action<ChildProgram> act, string[]? by = null, int? status = null)
    {
        string crowd = await programs.BuildAsync("crowd");
        File.SetUnixFileMode(programs.Folder, (UnixFileMode)0x1ed); // 0755: another user executes it
        var times = new List<TimeSpan>();
        for (int run = 0; run < Runs; run++)
        {
            string[] words = [.. by ?? [], Programs.Coco, "run", "--quiet", "--", crowd];
            await using var coco = ChildProgram.Start(words[0], words[1..]);
            await coco.ReadLineAsync(line => line == "ready");
            int guard = ProcessTree.Named(coco.Pid, Guard);
            using var guardEnd = ProcessEnd.Of(guard);
            using var keeperEnd = ProcessEnd.Of(ProcessTree.Named(guard, Keeper));

            long start = Stopwatch.GetTimestamp();
            act(coco);
            int exitCode = await coco.WaitForExitAsync();
            await guardEnd.WaitAsync();
            await keeperEnd.WaitAsync();
            times.Add(Stopwatch.GetElapsedTime(start));
            Assert.Equal(status ?? exitCode, exitCode);
        }

        Print(what, times);
    }

    private void Print(string what, List<TimeSpan> times)
    {
        times.Sort();
        (double median, double most) = (times[times.Count / 2].TotalMilliseconds, times[^1].TotalMilliseconds);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{what,-40} {Runs,5} runs, left 0, ms until all are gone: median {median,6:f0} most {most,6:f0}"));
    }
}
