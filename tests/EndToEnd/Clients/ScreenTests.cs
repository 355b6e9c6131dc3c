using System.Text.RegularExpressions;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Clients;

/// <summary>What coco's commands show on a terminal of 80 columns: no line is longer, no word is broken, no raw field names.</summary>
public sealed partial class ScreenTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [Theory]
    [InlineData("guest show")]
    [InlineData("guest ls")]
    [InlineData("guest list")]
    [InlineData("guest create wide-$$ --memory 256M; coco guest rm wide-$$")]
    [InlineData("heaps")]
    [InlineData("uses")]
    [InlineData("stat $(coco --json alloc system_cc_shared 64K | tr -dc 0-9, | cut -d, -f1); coco release 3")]
    [InlineData("pages --max-runs 4")]
    [InlineData("health")]
    public async Task Coco_OnEightyColumns_FitsInWordsAndUnits(string command)
    {
        string[] lines = await OnTerminalAsync(80, command);

        Assert.NotEmpty(lines);
        Assert.All(lines, line => Assert.True(line.Length <= 80, line));
        string text = string.Join('\n', lines);
        Assert.DoesNotMatch(RawName(), text);
        Assert.DoesNotContain('…', text);
        Assert.DoesNotMatch(LargeNumber(), text);
    }

    [Fact]
    public async Task GuestShow_OnEightyColumns_HasSectionsAndLeavesOutZeros()
    {
        string[] lines = await OnTerminalAsync(80, "guest show");

        foreach (string section in new[] { "shape", "memory", "objects", "swiotlb", "conversions", "kernel log" })
        {
            Assert.Contains(section, lines);
        }

        Assert.Contains("  total     4 GiB", lines);
        Assert.DoesNotContain(lines, line => line.EndsWith("  0", StringComparison.Ordinal));
    }

    [Fact]
    public async Task GuestLs_OfALongName_HasItWhole()
    {
        string name = new('n', 64);
        await OnTerminalAsync(80, $"guest create {name} --memory 256M");
        string[] lines = await OnTerminalAsync(80, "guest ls");
        await OnTerminalAsync(80, $"guest rm {name}");

        Assert.Contains(lines, line => line.Contains(name, StringComparison.Ordinal));
        Assert.All(lines, line => Assert.True(line.Length <= 80, line));
    }

    private async Task<string[]> OnTerminalAsync(int columns, string command)
    {
        string path = $"{Path.GetDirectoryName(Programs.Coco)}:{Environment.GetEnvironmentVariable("PATH")}";
        (int exitCode, string output, string said) = await ChildProgram.RunAsync(
            "script", ["-qec", $"stty cols {columns}; coco {command}", "/dev/null"],
            ("PATH", path), ("COCOGUEST_SOCKET", shared.Server.SocketPath), ("TERM", "xterm"));
        Assert.True(exitCode == 0, said);
        return [.. Escape().Replace(output, "").Split('\n').Select(line => line.TrimEnd('\r')).SkipWhile(line => line.Length == 0)];
    }

    [GeneratedRegex(@"\x1b(\[[0-9;?]*[A-Za-z]|=|>)|\r(?=\S)")]
    private static partial Regex Escape();

    // guest.memory.totalBytes
    [GeneratedRegex(@"\b[a-z]+[A-Z]")]
    private static partial Regex RawName();

    // Bytes without a unit.
    [GeneratedRegex("(?<![x0-9a-f])[0-9]{7,}")]
    private static partial Regex LargeNumber();
}
