using CocoGuest.Tests.EndToEnd.Native;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>stdin, stdout, stderr and the environment are the program's own.</summary>
public sealed class StreamTests(Scratch scratch) : IClassFixture<Scratch>
{
    [Fact]
    public async Task Run_Cat_HandsEveryByteOn()
    {
        byte[] bytes = new byte[1 << 20];
        new Random(1).NextBytes(bytes);
        await File.WriteAllBytesAsync(scratch["in"], bytes);

        (int exitCode, _, string said) = await ChildProgram.RunAsync(
            "/bin/sh", ["-c", "\"$0\" run --quiet -- cat < \"$1\" > \"$2\"", Programs.Coco, scratch["in"], scratch["out"]]);

        Assert.True(exitCode == 0, said);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(scratch["out"]));
    }

    [Fact]
    public async Task Run_Quiet_AddsNothingToStderr()
    {
        (_, string output, string said) = await CocoRun.RunAsync(["--quiet"], "/bin/sh", "-c", "echo out; echo err >&2");

        Assert.Equal("out\n", output);
        Assert.Equal(["err", "out"], said.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Run_Report_GoesToStderrAlone()
    {
        (_, string output, string said) = await CocoRun.RunAsync([], "/bin/echo", "out");

        Assert.Equal("out\n", output);
        Assert.Contains("coco run: /bin/echo in a guest of platform snp, kernel 7.2: exit status 0", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_Environment_IsTheCallers()
    {
        const string name = "A_NAME_OF_THIS_TEST";

        (_, string output, _) = await ChildProgram.RunAsync(
            Programs.Coco, ["run", "--quiet", "--", "/bin/sh", "-c", $"echo ${name}"], (name, "its value"));

        Assert.Equal("its value\n", output);
    }
}
