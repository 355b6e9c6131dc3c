using System.Globalization;
using CocoGuest.Tests.EndToEnd.Native;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>The exit status of <c>coco run</c> is the program's, or what a shell would say.</summary>
public sealed class ExitStatusTests(Scratch scratch) : IClassFixture<Scratch>
{
    [Theory]
    [InlineData("exit 0", 0)]
    [InlineData("exit 42", 42)]
    [InlineData("exit 255", 255)]
    [InlineData("kill -SEGV $$", 128 + 11)]
    [InlineData("kill -KILL $$", 128 + 9)]
    [InlineData("kill -TERM $$", 128 + 15)]
    public async Task Run_ProgramThatEnds_PassesItsStatusOn(string script, int expected)
    {
        (int exitCode, _, string said) = await CocoRun.RunAsync([], "/bin/sh", "-c", script);

        Assert.Equal(expected, exitCode);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"exit status {expected}\n"), said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no-such-program-anywhere")]
    [InlineData("/no/such/program")]
    public async Task Run_NoSuchProgram_Is127AsInAShell(string program)
    {
        (int exitCode, _, string said) = await CocoRun.RunAsync([], program);

        Assert.Equal(127, exitCode);
        Assert.Contains($"coco run: {program}: no such program", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_FileThatMayNotBeExecuted_Is126AsInAShell()
    {
        (int exitCode, _, string said) = await CocoRun.RunAsync([], scratch.Write("plain", "#!/bin/sh\nexit 0\n", executable: false));

        Assert.Equal(126, exitCode);
        Assert.Contains("plain cannot be run: Permission denied", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_Folder_Is126AsInAShell() => Assert.Equal(126, (await CocoRun.RunAsync([], "/usr")).ExitCode);

    [Fact]
    public async Task Run_ScriptWithAShebang_GetsItsArguments()
    {
        string script = scratch.Write("shebang", "#!/bin/sh\necho \"$# $1 $2\"\nexit 5\n", executable: true);

        (int exitCode, string output, _) = await CocoRun.RunAsync(["--quiet"], script, "a b", "--strict");

        Assert.Equal((5, "2 a b --strict\n"), (exitCode, output));
    }

    [Fact]
    public async Task Run_ScriptWithoutAShebang_IsRunByTheShellAsExecvpDoes()
    {
        string script = scratch.Write("bare", "echo \"$1\"\nexit 6\n", executable: true);

        (int exitCode, string output, _) = await CocoRun.RunAsync(["--quiet"], script, "word");

        Assert.Equal((6, "word\n"), (exitCode, output));
    }

    [Theory]
    [InlineData("--platform", "vax", "there is no platform 'vax'")]
    [InlineData("--kernel", "2.4", "there is no kernel '2.4'")]
    [InlineData("--fault", "fail_everything", "there is no fault point 'fail_everything'")]
    [InlineData("--matrix", "7.2", "write kernels, x, platforms")]
    public async Task Run_WrongOption_Is125AndASentence(string option, string value, string sentence)
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync([option, value], "/bin/echo", "ran");

        Assert.Equal(125, exitCode);
        Assert.Empty(output);
        Assert.Contains(sentence, said, StringComparison.Ordinal);
    }
}
