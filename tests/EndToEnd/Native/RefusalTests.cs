using CocoGuest.Tests.EndToEnd.Foreign;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary>What <c>coco run</c> cannot do, and how it says so.</summary>
public sealed class RefusalTests(NativePrograms programs) : IClassFixture<NativePrograms>
{
    [ForeignFact(ForeignTool.Compiler)]
    public async Task Run_ProgramThatAsksForAnIoUring_IsToldThereIsNone()
    {
        (_, string output, _) = await CocoRun.RunAsync(CocoRun.Plain, await programs.BuildAsync("refused"));

        Assert.Contains(CocoRun.Fields(output)["io_uring_setup"], new[] { "ENOSYS", "EPERM" });
    }

    [ForeignFact(ForeignTool.Compiler)]
    public async Task Run_ProgramWithANotificationFilterOfItsOwn_GetsEbusy()
    {
        (_, string output, _) = await CocoRun.RunAsync(CocoRun.Plain, await programs.BuildAsync("refused"));

        Assert.Equal("EBUSY", CocoRun.Fields(output)["seccomp_listener"]);
    }

    [ForeignFact(ForeignTool.Compiler)]
    public async Task Run_ProgramWithAPlainFilter_KeepsIt()
    {
        (_, string output, _) = await CocoRun.RunAsync(CocoRun.Plain, await programs.BuildAsync("refused"));

        Assert.Equal("ok", CocoRun.Fields(output)["seccomp_filter"]);
    }

    [Fact]
    public async Task Run_32BitProgram_IsRefusedInWords()
    {
        string program = Path.Combine(programs.Folder, "elf32");
        Elf32.Write(program);

        (int exitCode, _, string said) = await CocoRun.RunAsync(CocoRun.Plain, program);

        Assert.NotEqual(Elf32.ExitStatus, exitCode);
        Assert.NotEqual(0, exitCode);
        Assert.Contains("not a 64-bit x86 program", said, StringComparison.Ordinal);
    }
}
