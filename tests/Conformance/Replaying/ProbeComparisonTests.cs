using System.Text.Json;
using CocoGuest.Tests.Replay;
using CocoGuest.Tests.Replay.Probes;
using Record = CocoGuest.Tests.Replay.Record;

namespace CocoGuest.Tests.Conformance.Replaying;

/// <summary>The comparison of a native run with a recording finds what differs, and counts nothing that was not compared.</summary>
public class ProbeComparisonTests
{
    private static readonly Record[] Recorded =
    [
        Step(0, "heap_alloc", """{"rc":0,"fd":"a"}"""),
        Step(1, "poll", """{"rc":1,"revents":"0x5"}"""),
        Step(2, "mem_fill", "{}"),
        Step(3, "heap_alloc", """{"rc":-1,"errno":"ENOMEM","memfree_after_kb":7}"""),
        Step(4, "list_heaps", """{"heaps":["a","b"],"unordered":true}"""),
    ];

    [Fact]
    public void Of_TheRecordingItself_IsEqualWhereThereIsAResult()
    {
        var comparison = ProbeComparison.Of(Recorded, Recorded);

        Assert.Equal((4, 100.0), (comparison.Families["f"].Compared, comparison.Percent));
        Assert.Equal(["the record has no result to compare"], comparison.Families["f"].Skips.Keys);
    }

    [Theory]
    [InlineData(1, """{"rc":1,"revents":"0x1"}""", "revents")]
    [InlineData(1, """{"rc":1}""", "revents")]
    [InlineData(3, """{"rc":0,"fd":"a"}""", "rc")]
    [InlineData(4, """{"heaps":["a"]}""", "heaps")]
    public void Of_OnePlantedDifference_NamesItsField(int step, string printed, string field)
    {
        var comparison = ProbeComparison.Of(Recorded, Recorded.Select(r => r.Step == step ? Step(step, r.Op, printed) : r));

        Difference found = Assert.Single(comparison.Differences);
        Assert.Equal((step, field), (found.Record.Step, found.Field));
        Assert.Equal(75, comparison.Percent);
    }

    [Theory]
    [InlineData(3, """{"rc":-1,"errno":"ENOMEM","memfree_after_kb":9}""")]
    [InlineData(4, """{"heaps":["b","a"],"unordered":true}""")]
    public void Of_WhatSaysNothingAboutTheKernel_IsEqual(int step, string printed)
    {
        var comparison = ProbeComparison.Of(Recorded, Recorded.Select(r => r.Step == step ? Step(step, r.Op, printed) : r));

        Assert.Empty(comparison.Differences);
    }

    [Fact]
    public void Of_MissingLine_Differs()
    {
        var comparison = ProbeComparison.Of(Recorded, Recorded.Skip(1));

        Assert.Equal("no line", Assert.Single(comparison.Differences).Got);
    }

    [Fact]
    public void Of_StepThatTheProbeCouldNotDo_IsNotComparedButCounted()
    {
        Record[] printed = [.. Recorded];
        printed[1] = Step(1, "poll", """{"skipped":"no such file"}""");

        var comparison = ProbeComparison.Of(Recorded, printed);

        Assert.Equal((3, 1), (comparison.Families["f"].Compared, comparison.Families["f"].Skips["no such file"]));
    }

    [Fact]
    public void Print_OfADifference_EndsWithAPercentage()
    {
        var text = new StringWriter();

        ProbeReport.Print(text, ProbeComparison.Of(Recorded, Recorded.Skip(1)), verbose: false);

        Assert.Equal("3 of 4 compared records are equal: 75.00 %", text.ToString().TrimEnd().Split('\n')[^1]);
    }

    private static Record Step(int step, string op, string answers) => new(
        "f", "f.case", step, "boot", op, JsonDocument.Parse("{}").RootElement, JsonDocument.Parse(answers).RootElement, null);
}
