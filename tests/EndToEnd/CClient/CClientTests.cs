using System.Text.RegularExpressions;
using CocoGuest.Client;
using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.CClient;

/// <summary>The C client against a real server: its own tests, with and without sanitizers, its death, and its README.</summary>
public sealed partial class CClientTests(SharedServer shared, CClientBuild build) : IClassFixture<SharedServer>, IClassFixture<CClientBuild>
{
    private const int ImageBytes = 1 << 20;

    [ForeignTheory(ForeignTool.Compiler | ForeignTool.CMake)]
    [InlineData("walk")]
    [InlineData("private")]
    [InlineData("errors")]
    [InlineData("share")]
    [InlineData("hostile")]
    public async Task Program_OfTheLibrarysTests_SucceedsAndLeavesNothing(string name) => await RunAsync(name, sanitized: false);

    [ForeignTheory(ForeignTool.Compiler | ForeignTool.CMake | ForeignTool.Sanitizers)]
    [InlineData("walk")]
    [InlineData("private")]
    [InlineData("errors")]
    [InlineData("share")]
    [InlineData("hostile")]
    public async Task Program_WithSanitizers_SucceedsAndLeavesNothing(string name) => await RunAsync(name, sanitized: true);

    [ForeignFact(ForeignTool.Compiler | ForeignTool.CMake)]
    public async Task Program_ThatIsKilledHoldingEverything_LeavesWhatAnotherImported()
    {
        using CocoConnection connection = shared.Server.Connect();
        GuestCensus before = await GuestCensus.TakeAsync(connection, "");
        await using (GuestProcess process = await GuestProcess.OpenAsync(connection))
        {
            await using var program = ChildProgram.Start(await build.ProgramAsync("held"), [shared.Server.BrokerPath]);
            string token = (await program.ReadLineAsync(IsHeld)).Split(' ')[1];
            GuestBuffer buffer = await process.ImportAsync(token);
            program.Kill();
            await GuestCensus.UntilAsync(connection, "", c => c.Objects.Processes == before.Objects.Processes + 1);

            MappedMemory memory = await buffer.MmapAsync();
            Assert.Equal(("from C", (ulong)ImageBytes), (Text(memory, 6), buffer.Size));
            GuestCensus after = await GuestCensus.TakeAsync(connection, "");
            Assert.Equal(
                (before.Objects.Buffers + 1, before.Objects.Attachments, before.Objects.Devices, before.SlotsUsed),
                (after.Objects.Buffers, after.Objects.Attachments, after.Objects.Devices, after.SlotsUsed));
        }

        await GuestCensus.UntilAsync(connection, "", c => c == before);
    }

    [ForeignFact(ForeignTool.Compiler | ForeignTool.CMake)]
    public async Task Program_ThatIsKilledWhileItsChildHoldsTheSocket_LosesItsProcess()
    {
        using CocoConnection connection = shared.Server.Connect();
        GuestCensus before = await GuestCensus.TakeAsync(connection, "");
        await using var program = ChildProgram.Start(await build.ProgramAsync("held"), [shared.Server.BrokerPath, "fork"]);
        string token = (await program.ReadLineAsync(IsHeld)).Split(' ')[1];
        await using (GuestProcess process = await GuestProcess.OpenAsync(connection))
        {
            // What is on its way would live on.
            await process.ImportAsync(token);
        }

        program.Kill();
        await GuestCensus.UntilAsync(connection, "", c => c.Objects.Equals(before.Objects));
    }

    [ForeignFact(ForeignTool.Compiler | ForeignTool.CMake)]
    public async Task Buffer_OfAGrpcClient_IsSharedWithTheCProgram()
    {
        using CocoConnection connection = shared.Server.Connect();
        await using GuestProcess process = await GuestProcess.OpenAsync(connection);
        GuestBuffer buffer = await process.AllocateAsync("system_cc_shared", 4096);
        MappedMemory memory = await buffer.MmapAsync();
        "from gRPC"u8.CopyTo(memory.Span);
        string token = await buffer.ExportAsync();

        (int exitCode, _, string said) = await ChildProgram.RunAsync(
            await build.ProgramAsync("share"), [shared.Server.BrokerPath, token]);

        Assert.True(exitCode == 0, said);
        Assert.Equal("from C", Text(memory, 6));
    }

    [ForeignFact(ForeignTool.Compiler | ForeignTool.CMake)]
    public async Task Buffer_OfTheCProgram_MayBeGivenToOneGrpcProcessAlone()
    {
        using CocoConnection connection = shared.Server.Connect();
        await using var program = ChildProgram.Start(await build.ProgramAsync("held"), [shared.Server.BrokerPath]);
        string handle = (await program.ReadLineAsync(IsHeld)).Split(' ')[2];
        await using GuestProcess process = await GuestProcess.OpenAsync(connection);
        await using GuestProcess stranger = await GuestProcess.OpenAsync(connection);
        int fd = (await connection.Guest.AllocateBufferAsync(new() { Process = handle, Heap = "system", Len = 4096 })).Fd;
        string token = (await connection.Guest.ExportBufferAsync(
            new() { Process = handle, Fd = fd, ToProcess = process.Handle })).ShareToken;
        await Assert.ThrowsAsync<CocoException>(() => stranger.ImportAsync(token));
        Assert.Equal(4096ul, (await process.ImportAsync(token)).Size);
    }

    [ForeignFact(ForeignTool.Compiler | ForeignTool.CMake)]
    public async Task Example_OfTheReadme_CompilesAsWrittenAndPrintsWhatItSays()
    {
        await build.InstallAsync();
        string readme = await File.ReadAllTextAsync(Path.Combine(CClientBuild.Sources, "README.md"));
        await File.WriteAllTextAsync(Path.Combine(build.Folder, "example.c"), CodeBlock().Match(readme).Groups[1].Value);
        string compile = CompileLine().Match(readme).Groups[1].Value;
        (int compiled, _, string complaints) = await ChildProgram.RunAsync(
            "sh", ["-c", $"cd '{build.Folder}' && {compile} -Wall -Wextra -Werror -pedantic"],
            ("PKG_CONFIG_PATH", build.Prefix + "/lib/pkgconfig"));
        Assert.True(compiled == 0, complaints);

        (int exitCode, string output, string said) = await ChildProgram.RunAsync(
            Path.Combine(build.Folder, "example"), [], ("COCOGUEST_BROKER_SOCKET", shared.Server.BrokerPath));

        Assert.True(exitCode == 0, said);
        string promised = Promise().Match(readme).Groups[1].Value.Replace("\n    ", "\n", StringComparison.Ordinal);
        Assert.Equal(promised.TrimEnd(), AttachmentNumber().Replace(output, "Attachment 1").TrimEnd());
    }

    [ForeignFact(ForeignTool.Compiler | ForeignTool.CMake)]
    public async Task Library_GlobalNames_AreAllItsOwn()
    {
        await build.InstallAsync();
        (int exitCode, string output, string said) = await ChildProgram.RunAsync(
            "nm", ["-g", "--defined-only", "--format=posix", build.Prefix + "/lib/libcocoguest.a"]);

        Assert.True(exitCode == 0, said);
        string[] names = [.. output.Split('\n').Where(l => l.Contains(' ', StringComparison.Ordinal)).Select(l => l.Split(' ')[0])];
        Assert.Contains("coco_connect", names);
        Assert.DoesNotContain(names, n => !n.StartsWith("coco_", StringComparison.Ordinal));
    }

    private static bool IsHeld(string line) => line.StartsWith("held ", StringComparison.Ordinal);

    private static string Text(MappedMemory memory, int length) => System.Text.Encoding.UTF8.GetString(memory.GetSpan(0, length));

    private async Task RunAsync(string name, bool sanitized)
    {
        using CocoConnection connection = shared.Server.Connect();
        GuestCensus before = await GuestCensus.TakeAsync(connection, "");

        (int exitCode, string output, string said) = await ChildProgram.RunAsync(
            await build.ProgramAsync(name, sanitized), [shared.Server.BrokerPath]);

        Assert.True((exitCode, output) == (0, $"{name}: ok\n"), said);
        await GuestCensus.UntilAsync(connection, "", c => c.Objects.Equals(before.Objects));
    }

    [GeneratedRegex("^```c\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex("^    (cc .*)$", RegexOptions.Multiline)]
    private static partial Regex CompileLine();

    [GeneratedRegex("^It prints\n\n    (.*?)\n\n", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Promise();

    [GeneratedRegex(@"Attachment \d+")]
    private static partial Regex AttachmentNumber();
}
