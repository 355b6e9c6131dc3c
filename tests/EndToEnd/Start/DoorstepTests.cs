using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Start;

/// <summary>The program that runs before the runtime does is what its text says.</summary>
public sealed class DoorstepTests
{
    private const string Folder = "src/Clients/Cli/Doorstep";

    [ForeignFact(ForeignTool.Compiler)]
    public async Task Doorstep_Assembled_IsTheProgramBesideItsText()
    {
        string folder = Directory.CreateTempSubdirectory("coco-e2e-doorstep-").FullName;
        try
        {
            (int exitCode, _, string said) = await ChildProgram.RunAsync("/bin/sh", [
                "-ec", "as -o \"$2.o\" \"$1\"; objcopy -O binary -j .text \"$2.o\" \"$2\"", "-",
                Path.Combine(Repository.Root, Folder, "doorstep.S"), Path.Combine(folder, "doorstep")]);

            Assert.True(exitCode == 0, said);
            CancellationToken stop = TestContext.Current.CancellationToken;
            Assert.Equal(
                await File.ReadAllBytesAsync(Path.Combine(folder, "doorstep"), stop),
                await File.ReadAllBytesAsync(Path.Combine(Repository.Root, Folder, "doorstep"), stop));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
