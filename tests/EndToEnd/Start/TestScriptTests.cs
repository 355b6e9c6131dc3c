using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Start;

/// <summary>test.sh for somebody who has just cloned: it explains itself, and says what it does not know before it does anything.</summary>
public sealed class TestScriptTests
{
    private const string Names = "Machine Conformance Clients Service Allocations EndToEnd";

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("help")]
    [InlineData("machine", "--help")]
    public async Task TestScript_AskedForHelp_SaysHowItIsUsedAndDoesNothing(params string[] arguments)
    {
        (int exitCode, string output, string said) = await RunAsync(arguments);

        Assert.Equal((0, output), (exitCode, said));
        Assert.StartsWith("usage: ./test.sh [NAME...]\n", output, StringComparison.Ordinal);
        Assert.Contains(Names, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nope", "nope")]
    [InlineData("nope", "machine", "CONFORMANCE", "eNDtOeND", "nope")]
    [InlineData("--machine", "--machine")]
    [InlineData("", "")]
    [InlineData("tests/Machine", "tests/Machine")]
    public async Task TestScript_NameThatThereIsNot_IsALineAndStatus2(string wrong, params string[] arguments)
    {
        (int exitCode, _, string said) = await RunAsync(arguments);

        Assert.Equal((2, $"test.sh: there is no '{wrong}'; there are {Names} (./test.sh --help says more)\n"), (exitCode, said));
    }

    // Were it to go on, its first build would end it.
    private static Task<(int ExitCode, string Output, string Said)> RunAsync(string[] arguments) => ChildProgram.RunAsync(
        Path.Combine(Repository.Root, "test.sh"), arguments, ("PATH", "/nowhere:/usr/bin:/bin"), ("DOTNET_ROOT", "/nowhere"));
}
