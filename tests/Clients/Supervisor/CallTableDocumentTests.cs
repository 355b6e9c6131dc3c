using System.Text;
using CocoGuest.Supervisor.Seccomp;

namespace CocoGuest.Tests.Clients.Supervisor;

/// <summary>
/// The table of system calls in docs/run.md is written from the table that the filter is compiled from. To write it anew:
/// <c>COCOGUEST_WRITE_DOCS=1 dotnet test tests/Clients --filter CallTableDocument</c>.
/// </summary>
public sealed class CallTableDocumentTests
{
    private const string WriteVariable = "COCOGUEST_WRITE_DOCS";
    private const string Begin = "<!-- Written by tests/Clients/Supervisor/CallTableDocumentTests.cs; do not edit. -->\n";
    private const string End = "<!-- End of what is written. -->\n";

    [Fact]
    public void RunDocument_AsCommitted_HasTheTableOfCalls()
    {
        string path = Path.Combine(Repository.Root, "docs", "run.md");
        string[] parts = File.ReadAllText(path).Split(Begin);
        string rest = parts[1].Split(End)[1];
        string expected = parts[0] + Begin + Render() + End + rest;
        if (Environment.GetEnvironmentVariable(WriteVariable) == "1")
        {
            File.WriteAllText(path, expected);
        }

        Assert.Equal(expected, File.ReadAllText(path));
    }

    [Fact]
    public void All_EachCall_IsInOneGroup()
    {
        Assert.Equal(
            Enum.GetValues<SystemCall>(),
            CallTable.All.SelectMany(g => g.Rules.Concat(g.StrictRules).Concat(g.ReportRules).Select(r => r.Call).Distinct()).Order());
        Assert.All(CallTable.All.SelectMany(g => g.Names).CountBy(name => name), name => Assert.Equal(1, name.Value));
    }

    [Fact]
    public void All_EachGroup_SaysWhatItsCallsAnswer()
    {
        Assert.All(CallTable.All, group => Assert.NotEmpty(group.Notes));
        Assert.All(CallTable.All.SelectMany(g => g.Notes), note => Assert.False(string.IsNullOrWhiteSpace(note.Remark)));
    }

    // The names stand in the first row of a group, the other rows go on from there.
    private static string Render()
    {
        var text = new StringBuilder("| call | | remarks | how known |\n|---|---|---|---|\n");
        foreach (CallGroup group in CallTable.All)
        {
            string calls = string.Join(", ", group.Names);
            foreach (CallNote note in group.Notes)
            {
                string use = $"{calls} {note.Use}".TrimEnd();
                text.Append($"| {use} | {$"{note.Fidelity}".ToLowerInvariant()} | {note.Remark} | {note.Known} |\n");
                calls = "…";
            }
        }

        return text.ToString();
    }
}
