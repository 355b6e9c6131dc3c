using CocoGuest.Tests.EndToEnd.Foreign;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary>What one program makes wait makes nobody else wait, and what is done for a call ends with it.</summary>
public sealed class BystanderTests(NativePrograms programs) : IClassFixture<NativePrograms>
{
    [ForeignFact(ForeignTool.Compiler | ForeignTool.Root)]
    public async Task Run_MemoryThatNeverComes_HoldsUpNobodyElse()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(CocoRun.Plain, await programs.BuildAsync("slow_memory"));

        Assert.True(exitCode == 0, said);
        Assert.All(
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries),
            static line => Assert.EndsWith(" served", line, StringComparison.Ordinal));
    }

    [ForeignFact(ForeignTool.Compiler)]
    public async Task Run_InstructionTakenAwayFromARemoteCall_ReturnsOrDies()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(CocoRun.Plain, await programs.BuildAsync("remote"));

        Assert.True(exitCode == 0, said);
        Assert.Equal("ended 44 of 44\n", output);
    }

    [ForeignFact(ForeignTool.Compiler)]
    public async Task Run_WaitsWhoseThreadsAreGone_AreGone()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(CocoRun.Plain, await programs.BuildAsync("left_waits"));

        Assert.True(exitCode == 0, said);
        Assert.Equal("as before\n", output);
    }
}
