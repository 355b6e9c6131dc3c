using System.CommandLine;
using CocoGuest.Cli;
using CocoGuest.Cli.Commands;
using CocoGuest.Cli.Demo;
using CocoGuest.Cli.Run;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Clients.Cli;

/// <summary>
/// The help of <c>--platform</c> and <c>--kernel</c> lists the words that the machine accepts; so does the error of a wrong one.
/// </summary>
public sealed class ShapeWordHelpTests
{
    private static readonly GlobalOptions Globals = new();

    [Theory]
    [InlineData("run")]
    [InlineData("create")]
    public void Help_OfPlatformAndKernel_ListsTheWordsOfTheMachine(string name)
    {
        Command command = Find(name);

        Assert.Equal($"{ShapeWords.Platforms}. Default: {ShapeWords.DefaultPlatform}.", HelpOf(command, "--platform"));
        Assert.Equal($"{ShapeWords.Kernels}. Default: {ShapeWords.DefaultKernel}.", HelpOf(command, "--kernel"));
    }

    [Fact]
    public void Help_OfTheDemosPlatform_ListsWordsThatTheMachineAcceptsAndTheDemoTakes()
    {
        Command demo = DemoCommand.Make(Globals);
        string[] words = HelpOf(demo, "--platform").TrimEnd('.').Split(", ");

        Assert.All(words, word => Assert.True(ShapeWords.TryParsePlatform(word, out _)));
        Assert.All(ShapeWords.Platforms.Split(", "), word =>
            Assert.Equal(words.Contains(word), demo.Parse(["--platform", word]).Errors.Count == 0));
    }

    [Fact]
    public void Parse_WrongPlatformOfTheDemo_NamesTheWords()
    {
        Command demo = DemoCommand.Make(Globals);

        string error = Assert.Single(demo.Parse(["--platform", "sun"]).Errors).Message;

        Assert.All(PrivatePage.Expected.Keys, word => Assert.Contains($"'{word}'", error, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("platform", "sun")]
    [InlineData("kernel", "2.4")]
    public void Read_WrongWord_NamesTheWords(string what, string word)
    {
        var shape = new ShapeOptions();
        var command = new Command("run");
        shape.AddTo(command);

        FormatException refusal = Assert.Throws<FormatException>(() => shape.Read(command.Parse([$"--{what}", word])));

        string words = what == "platform" ? ShapeWords.Platforms : ShapeWords.Kernels;
        Assert.Equal($"--{what}: there is no {what} '{word}'; there are {words}.", refusal.Message);
    }

    private static Command Find(string name) => name == "run"
        ? RunCommand.Make(Globals)
        : GuestCommands.Make(new CommandFactory(Globals)).Subcommands.Single(c => c.Name == name);

    private static string HelpOf(Command command, string option) => command.Options.Single(o => o.Name == option).Description!;
}
