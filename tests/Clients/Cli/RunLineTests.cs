using System.CommandLine;
using CocoGuest.Cli;
using CocoGuest.Cli.Run;

namespace CocoGuest.Tests.Clients.Cli;

/// <summary>What is said about a command line of <c>coco run</c>, and where its program begins.</summary>
public sealed class RunLineTests
{
    [Theory]
    [InlineData("run")]
    [InlineData("run --")]
    [InlineData("run --quiet")]
    [InlineData("run --quiet --")]
    [InlineData("run --matrix 7.2 x snp")]
    [InlineData("run --guest g --")]
    public void Read_NoProgram_SaysHowToWriteIt(string line) =>
        Assert.Equal("no program: coco run [options] -- PROGRAM ARGS (coco run --help lists the options)", Error(line));

    [Fact]
    public void Read_EmptyProgram_IsNone() => Assert.StartsWith("no program: ", RunLine.Read(Root(), ["run", "--", ""])!.Value.Error);

    [Theory]
    [InlineData("--platfrom snp", "no option --platfrom; did you mean --platform?")]
    [InlineData("--kernal=7.2", "no option --kernal; did you mean --kernel?")]
    [InlineData("--jsno r.json", "no option --jsno; did you mean --json?")]
    [InlineData("--fail-on-leak", "no option --fail-on-leak; did you mean --fail-on-leaks?")]
    [InlineData("--sever x", "no option --sever; did you mean --server?")]
    [InlineData("--everything", "no option --everything; coco run --help lists the options")]
    [InlineData("-x", "no option -x; coco run --help lists the options")]
    public void Read_UnknownOption_NamesTheNearest(string options, string expected)
    {
        Assert.Equal(expected, Error($"run {options} -- ./hello"));
        Assert.Equal(expected, Error($"run {options} ./hello"));
    }

    [Theory]
    [InlineData("--kernel", "--kernel needs a value")]
    [InlineData("--kernel -- ./hello", "--kernel needs a value")]
    [InlineData("--json --quiet -- ./hello", "--json needs a value")]
    [InlineData("--matrix -- ./hello", "--matrix needs a value")]
    [InlineData("--guest= -- ./hello", "--guest needs a value")]
    [InlineData("--kernel 7.2 --kernel 7.3 -- ./hello", "--kernel was given twice")]
    [InlineData("--quiet=often -- ./hello", "--quiet takes no value")]
    public void Read_ValueMissingOrTooMany_IsSaid(string options, string expected) => Assert.Equal(expected, Error($"run {options}"));

    [Theory]
    [InlineData("--memory lots", "--memory: 'lots' is no number; numbers are decimal, 0x..., or end in K, M, G or T.")]
    [InlineData("--cpus -1", "--cpus: '-1' is no number; numbers are decimal, 0x..., or end in K, M, G or T.")]
    [InlineData("--seed=x", "--seed: 'x' is no number; numbers are decimal, 0x..., or end in K, M, G or T.")]
    [InlineData("--user bob", "--user: 'bob' is no user id; ids are numbers from 0 to 4294967295.")]
    [InlineData("--user 4294967296", "--user: '4294967296' is no user id; ids are numbers from 0 to 4294967295.")]
    public void Parse_BadNumber_IsASentence(string options, string expected) =>
        Assert.Equal(expected, Parse($"run {options} -- ./hello").Errors[0].Message);

    [Theory]
    [InlineData("run ./p --platform vax --json -- -x", "./p --platform vax --json -- -x")]
    [InlineData("run --strict true @file", "true @file")]
    [InlineData("--server s run --guest=g --quiet p --guest", "p --guest")]
    [InlineData("run --memory 64M -- --odd --quiet", "--odd --quiet")]
    [InlineData("run --matrix 6.12, 7.2 x none, snp p x y", "p x y")]
    public void Parse_WordsBehindTheProgram_AreItsOwn(string line, string program)
    {
        ParseResult parsed = Parse(line);

        Assert.Empty(parsed.Errors);
        Assert.Equal(program, string.Join(' ', parsed.GetValue<string[]>("program")!));
    }

    [Fact]
    public void Read_JsonBeforeRun_IsNotDropped() =>
        Assert.Equal("--json stands behind run and takes a file: coco run --json FILE -- PROGRAM ARGS", Error("--json run -- p"));

    [Theory]
    [InlineData("guest ls")]
    [InlineData("--server run guest ls")]
    [InlineData("--json")]
    [InlineData("")]
    public void Read_AnotherCommand_IsLeftAlone(string line) => Assert.Null(RunLine.Read(Root(), Words(line)));

    private static string? Error(string line) => RunLine.Read(Root(), Words(line))!.Value.Error;

    private static ParseResult Parse(string line)
    {
        RootCommand root = Root();
        (string[] words, string? error) = RunLine.Read(root, Words(line))!.Value;
        Assert.Null(error);
        return root.Parse(words);
    }

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static RootCommand Root()
    {
        var globals = new GlobalOptions();
        var root = new RootCommand();
        globals.AddTo(root);
        root.Subcommands.Add(RunCommand.Make(globals));
        return root;
    }
}
