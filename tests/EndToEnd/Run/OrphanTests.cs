using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Native;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>Processes whose parents have ended.</summary>
public sealed class OrphanTests(NativePrograms programs) : IClassFixture<NativePrograms>
{
    [ForeignFact(ForeignTool.Compiler)]
    public async Task Run_Orphans_AreReapedWhileTheProgramRuns()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(["--quiet"], await programs.BuildAsync("orphans"), "200");

        Assert.True(exitCode == 0, said);
        Assert.Equal("orphans 200 left 0\n", output);
    }

    [ForeignTheory(ForeignTool.Compiler)]
    [InlineData("1")]
    [InlineData("4")]
    public async Task Run_WorkersThatForkAndEndForEver_EndWithTheProgram(string workers)
    {
        // They have the output open: that it ends says that they are gone.
        await using var coco = ChildProgram.Start(Programs.Coco, ["run", "--quiet", "--", await programs.BuildAsync("away"), workers]);

        Assert.Equal(5, await coco.WaitForExitAsync());
    }

    // Without a control group: see KillTests.
    [ForeignFact(ForeignTool.Compiler | ForeignTool.Nobody)]
    public async Task Run_WorkersOfAnOrdinaryUserThatForkAndEndForEver_EndWithTheProgram()
    {
        string away = await programs.BuildAsync("away");
        File.SetUnixFileMode(programs.Folder, (UnixFileMode)0x1ed); // 0755: another user executes it
        string[] words = [.. ForeignTools.AsNobody, Programs.Coco, "run", "--quiet", "--", away, "3"];
        await using var coco = ChildProgram.Start(words[0], words[1..]);

        Assert.Equal(5, await coco.WaitForExitAsync());
    }

    [Fact]
    public async Task Run_ChildrenThatTheProgramWaitsFor_AreItsOwnToReap()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(
            ["--quiet"], "/bin/sh", "-c", "(exit 3) & wait $!; echo $?; (sh -c 'exit 4'); echo $?; exit 5");

        Assert.True(exitCode == 5, said);
        Assert.Equal("3\n4\n", output);
    }
}
