using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>README's "Your C program in one minute", executed as it is written.</summary>
public sealed class ReadmeTests(Scratch scratch) : IClassFixture<Scratch>
{
    [ForeignFact(ForeignTool.Compiler)]
    public async Task Readme_YourCProgram_DoesWhatItSays()
    {
        ILookup<string, string> blocks = Transcript.Blocks(
            await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md")), "Your C program in one minute");
        await File.WriteAllTextAsync(scratch["hello.c"], Assert.Single(blocks["c"]));
        List<(string Command, string Output)> commands = Transcript.Commands(Assert.Single(blocks["console"]));
        string path = $"{Path.GetDirectoryName(Programs.Coco)}:{Environment.GetEnvironmentVariable("PATH")}";

        Assert.Equal(3, commands.Count);
        foreach ((string command, string shown) in commands)
        {
            // stdout and stderr in one, as on a terminal.
            (_, string output, _) = await ChildProgram.RunAsync(
                "/bin/sh", ["-c", $"cd '{scratch["."]}' && exec 2>&1; {command}"], ("PATH", path));
            Assert.True(Transcript.IsShown(shown, output), $"$ {command}\n{output}\nREADME shows:\n{shown}");
        }
    }
}
