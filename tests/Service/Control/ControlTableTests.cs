using System.Globalization;
using System.Text.RegularExpressions;
using CocoGuest.Service.Control;

namespace CocoGuest.Tests.Service.Control;

/// <summary>The table of operations, against the enum, the document and the C client.</summary>
public sealed partial class ControlTableTests
{
    [Fact]
    public void Rows_OfTheTable_AreAllOperations() =>
        Assert.Equal(Enum.GetValues<ControlOperation>(), ControlTable.Rows.Keys.Order());

    [Fact]
    public void Table_InTheProtocolDocument_IsTheTable()
    {
        IEnumerable<string> documented = DocumentRow().Matches(Read("docs/protocol.md"))
            .Select(row => $"{row.Groups[1].Value} {row.Groups[2].Value} {row.Groups[3].Value} {(row.Groups[4].Success ? "data" : "")}");
        Assert.Equal(
            ControlTable.Rows.Values.OrderBy(r => r.Operation).Select(r =>
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{(int)r.Operation} {r.Operation} {r.FixedBytes} {(r.DataBytes > 0 ? "data" : "")}")),
            documented);
    }

    [Fact]
    public void Numbers_OfTheCClient_AreTheTables()
    {
        IEnumerable<string> there = WireName().Matches(Read("src/Clients/C/src/wire.h"))
            .Select(row => $"{row.Groups[1].Value.Replace("_", "", StringComparison.Ordinal)} {row.Groups[2].Value}");
        Assert.Equal(
            ControlTable.Rows.Keys.Order()
                .Select(o => string.Create(CultureInfo.InvariantCulture, $"{o.ToString().ToUpperInvariant()} {(int)o}")),
            there);
    }

    [Fact]
    public void Limits_OfTheCClient_AreTheServers()
    {
        string header = Read("src/Clients/C/src/wire.h");
        Assert.Contains($"#define WIRE_DATA_BYTES {ControlLimits.DataBytes}u", header, StringComparison.Ordinal);
        Assert.Contains($"#define WIRE_MOST_SEGMENTS {ControlLimits.Segments}u", header, StringComparison.Ordinal);
        Assert.Contains($"#define WIRE_CONTROL_MAGIC 0x{ControlHeader.Magic:x}u", header, StringComparison.Ordinal);
        Assert.Contains($"#define WIRE_HEADER_BYTES {ControlHeader.Bytes}u", header, StringComparison.Ordinal);
    }

    private static string Read(string path) => File.ReadAllText(Path.Combine(Repository.Root, path));

    // | 5 | Mmap | 32 | …: the third column is the length of the fixed fields, "+ data" where data follows.
    [GeneratedRegex(@"^\| (\d+) \| ([A-Z][A-Za-z]+) \| (\d+)( \+ data)? \|", RegexOptions.Multiline)]
    private static partial Regex DocumentRow();

    [GeneratedRegex(@"^    WIRE_([A-Z_]+) = (\d+),?$", RegexOptions.Multiline)]
    private static partial Regex WireName();
}
