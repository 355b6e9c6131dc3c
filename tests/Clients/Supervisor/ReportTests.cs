using System.Text.Json.Nodes;
using System.Xml.Linq;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Supervisor.Reports;

namespace CocoGuest.Tests.Clients.Supervisor;

/// <summary>What is written after a run, for people, for programs and for CI.</summary>
public class ReportTests
{
    [Fact]
    public void JUnit_CleanRun_HasNoFailure()
    {
        var suite = XElement.Parse(ReportJUnit.Of(Reports.Of(faults: [Reports.Fault(FaultPoint.FailDecrypt, fired: 1)])));

        Assert.Equal(
            ("camera (snp, 7.2)", "3", "0"),
            (suite.Attribute("name")!.Value, suite.Attribute("tests")!.Value, suite.Attribute("failures")!.Value));
    }

    [Theory]
    [InlineData("exit status", "exit status 139")]
    [InlineData("everything closed", "dma-buf 3 of 65536 bytes, made by DMA_HEAP_IOCTL_ALLOC by camera[4711] at camera+0x10da")]
    [InlineData("fault 1 fail_swiotlb fired", "it never fired")]
    public void JUnit_BadRun_SaysWhatFailed(string test, string sentence)
    {
        var suite = XElement.Parse(ReportJUnit.Of(Reports.Of(139, [Reports.Buffer], [Reports.Fault(FaultPoint.FailSwiotlb, fired: 0)])));

        XElement failed = suite.Elements("testcase").Single(c => c.Attribute("name")!.Value == test);
        Assert.Contains(sentence, failed.Element("failure")!.Value, StringComparison.Ordinal);
    }

    [Fact]
    public void JUnit_BadRun_CountsItsFailures()
    {
        var suite = XElement.Parse(ReportJUnit.Of(Reports.Of(1, [Reports.Buffer], [Reports.Fault(FaultPoint.FailSwiotlb, fired: 0)])));

        Assert.Equal(3, suite.Descendants("failure").Count());
        Assert.Equal("3", suite.Attribute("failures")!.Value);
    }

    [Fact]
    public void JUnit_Costs_AreProperties() =>
        Assert.Contains(
            XElement.Parse(ReportJUnit.Of(Reports.Of())).Descendants("property"),
            p => p.Attribute("name")!.Value == "conversions_to_shared");

    [Fact]
    public void Json_Run_SaysWhatRanAndHowItEnded()
    {
        JsonNode json = JsonNode.Parse(ReportJson.Of(Reports.Of(exitCode: 7, leftRunning: 2)))!;

        Assert.Equal(
            ("/usr/bin/camera", "snp", "7.2", 7, "running", 2, 42, "ioctl DMA_HEAP_IOCTL_ALLOC EIO"),
            ((string)json["program"]![0]!, (string)json["platform"]!, (string)json["kernel"]!, (int)json["exit_code"]!,
                (string)json["guest_state"]!, (int)json["left_running"]!, (int)json["stopped_calls"]!, (string)json["calls"]![0]!));
    }

    [Fact]
    public void Json_Leak_NamesTheCallAndWhatIsLeft()
    {
        JsonNode leak = JsonNode.Parse(ReportJson.Of(Reports.Of(leaks: [Reports.Buffer])))!["leaks"]![0]!;

        Assert.Equal(
            ("dma-buf 3 of 65536 bytes", "DMA_HEAP_IOCTL_ALLOC", "camera", 4711, "camera+0x10da", 3074, 1),
            ((string)leak["what"]!, (string)leak["call"]!, (string)leak["program"]!, (int)leak["pid"]!, (string)leak["place"]!,
                (int)leak["fds"]![1]!, (int)leak["mappings"]!));
    }

    [Fact]
    public void Json_LeakOfAKilledProcess_DoesNotClaimToKnowWhatIsLeft()
    {
        JsonNode leak = JsonNode.Parse(ReportJson.Of(Reports.Of(leaks: [Reports.Killed])))!["leaks"]![0]!;

        Assert.Null(leak["fds"]);
        Assert.Null(leak["mappings"]);
    }

    [Fact]
    public void Json_Fault_SaysHowOftenItFired()
    {
        RunReport report = Reports.Of(faults: [Reports.Fault(FaultPoint.FailDecrypt, fired: 2)]);

        JsonNode fault = JsonNode.Parse(ReportJson.Of(report))!["faults"]![0]!;

        Assert.Equal(("fail_decrypt", 3, 2), ((string)fault["point"]!, (int)fault["calls"]!, (int)fault["fired"]!));
    }

    [Fact]
    public void Text_Run_SaysWhoRanWhereAndHowItEnded() =>
        Assert.StartsWith(
            "coco run: /usr/bin/camera in a guest of platform snp, kernel 7.2: exit status 3\n",
            ReportText.Of(Reports.Of(3)),
            StringComparison.Ordinal);

    [Fact]
    public void Text_Leaks_SayWhatIsLeftOfEach()
    {
        string[] lines = ReportText.Of(Reports.Of(leaks: [Reports.Buffer, Reports.Killed])).Split('\n');

        Assert.Equal(
            "coco run: never closed: dma-buf 3 of 65536 bytes, made by DMA_HEAP_IOCTL_ALLOC by camera[4711] at camera+0x10da "
                + "(fd 3072, 3074 and 1 mapping(s) left by [4711])",
            lines[1]);
        Assert.EndsWith("(its process was killed)", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public void Text_FaultThatNeverFired_IsSaidToBeABadTest() =>
        Assert.Contains(
            "it never fired",
            ReportText.Of(Reports.Of(faults: [Reports.Fault(FaultPoint.FailFd, fired: 0)])),
            StringComparison.Ordinal);

    [Fact]
    public void Text_NothingCounted_SaysSo() =>
        Assert.Contains("no conversions, no bouncing", ReportText.Of(Reports.Of()), StringComparison.Ordinal);
}
