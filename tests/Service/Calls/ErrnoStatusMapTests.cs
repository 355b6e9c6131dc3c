using System.Text.RegularExpressions;
using CocoGuest.Machine.Abi;
using CocoGuest.Service.Errors;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>The table from errno to status code, against the enum and against the document.</summary>
public sealed partial class ErrnoStatusMapTests
{
    [Fact]
    public void Rows_OfTheMap_CoverEveryErrno() =>
        Assert.Equal(Enum.GetValues<Errno>().Where(e => e != Errno.None).Order(), ErrnoStatusMap.Rows.Keys.Order());

    [Fact]
    public void Rows_OfTheMap_NeverMeanSuccess() => Assert.DoesNotContain(StatusCode.OK, ErrnoStatusMap.Rows.Values);

    [Fact]
    public void Table_InTheProtocolDocument_IsTheMap()
    {
        var documented = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (Match row in Row().Matches(File.ReadAllText(DocumentPath())))
        {
            documented.Add($"{row.Groups[1].Value} {row.Groups[2].Value}", row.Groups[3].Value);
        }

        var mapped = ErrnoStatusMap.Rows.ToDictionary(r => $"{r.Key} {(int)r.Key}", r => Shouted(r.Value));
        Assert.Equal(mapped.OrderBy(r => r.Key, StringComparer.Ordinal), documented);
    }

    private static string Shouted(StatusCode code) => Capital().Replace(code.ToString(), "_$0").ToUpperInvariant();

    private static string DocumentPath()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "CocoGuest.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return Path.Combine(folder!, "docs", "protocol.md");
    }

    [GeneratedRegex(@"^\| (E[A-Z]+) \| (\d+) \| `([A-Z_]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("(?<=.)[A-Z]")]
    private static partial Regex Capital();
}
