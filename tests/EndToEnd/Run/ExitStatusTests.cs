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
    [InlineData("--matrix", "7.2,9.9 x snp", "there is no kernel '9.9'")]
    [InlineData("--matrix", "7.2 x snp,foo", "there is no platform 'foo'")]
    [InlineData("--platfrom", "snp", "no option --platfrom; did you mean --platform?")]
    [InlineData("--memory", "lots", "--memory: 'lots' is no number")]
    [InlineData("--user", "bob", "--user: 'bob' is no user id")]
    [InlineData("--cpus", "4294967296", "--cpus: 4294967296 are too many")]
    [InlineData("--json", "/nope/x.json", "--json: /nope/x.json cannot be written: there is no folder /nope")]
    [InlineData("--json", "/usr", "--json: /usr cannot be written: it is a folder")]
    [InlineData("--json", "/proc/version/x.json", "--json: /proc/version/x.json cannot be written: ")]
    [InlineData("--logs", "logs", "--logs is for --matrix")]
    [InlineData("--server", "/nope.sock", "--server and --token are for --guest")]
    public async Task Run_WrongOption_Is125AndASentence(string option, string value, string sentence)
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync([option, value], "/bin/echo", "ran");

        Assert.Equal(125, exitCode);
        Assert.Empty(output);
        Assert.Contains(sentence, said, StringComparison.Ordinal);
        Assert.Equal(1, said.Count(c => c == '\n'));
    }

    [Theory]
    [InlineData("--guest", "default", "give one of the two")]
    [InlineData("--kernel", "7.2", "leave out --kernel and --platform")]
    [InlineData("--platform", "snp", "leave out --kernel and --platform")]
    [InlineData("--fault", "fail_everything", "there is no fault point 'fail_everything'")]
    [InlineData("--logs", "/proc/nope", "--logs: /proc/nope cannot be written: ")]
    [InlineData("--json", "/nope/x.xml", "there is no folder /nope")]
    public async Task Matrix_OptionThatCannotBe_Is125AndASentence(string option, string value, string sentence)
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(["--matrix", "7.2 x none", option, value], "/bin/echo", "ran");

        Assert.Equal((125, ""), (exitCode, output));
        Assert.Contains(sentence, said, StringComparison.Ordinal);
        Assert.Equal(1, said.Count(c => c == '\n'));
    }

    [Fact]
    public async Task Matrix_NothingRan_IsTheStatusOfThat() =>
        Assert.Equal(127, (await CocoRun.RunAsync(["--matrix", "7.2 x none,snp"], "/no/such/program")).ExitCode);

    [Fact]
    public async Task Run_NoProgram_Is125AndHowToWriteIt()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync([]);

        Assert.Equal((125, ""), (exitCode, output));
        Assert.Equal("coco run: no program: coco run [options] -- PROGRAM ARGS (coco run --help lists the options)\n", said);
    }

    [Fact]
    public async Task Run_ReportThatFindsNoRoom_KeepsTheProgramsStatus()
    {
        (int exitCode, _, string said) = await CocoRun.RunAsync(["--quiet", "--json", "/dev/full"], "/bin/sh", "-c", "exit 7");

        Assert.Equal(7, exitCode);
        Assert.StartsWith("coco run: --json: /dev/full cannot be written: No space left", said, StringComparison.Ordinal);
        Assert.Equal(1, said.Count(c => c == '\n'));
    }
}
