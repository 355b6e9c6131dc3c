using CocoGuest.Cli.Run;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;

namespace CocoGuest.Tests.Clients.Cli;

/// <summary><c>--fault</c>.</summary>
public class FaultTextTests
{
    [Fact]
    public void Parse_PointAlone_FailsEveryCall() => Assert.Equal(new FaultSpec(FaultPoint.FailDecrypt), FaultText.Parse("fail_decrypt"));

    [Fact]
    public void Parse_EveryAttribute_IsTaken() => Assert.Equal(
        new FaultSpec(FaultPoint.FailPageAlloc)
        {
            Probability = 50,
            Interval = 3,
            Times = -1,
            Space = 65536,
            MinOrder = 4,
            Seed = 9,
            Errno = Errno.ENOMEM,
        },
        FaultText.Parse("fail_page_alloc:probability=50,interval=3,times=-1,space=65536,min-order=4,seed=9,errno=ENOMEM"));

    [Fact]
    public void Parse_UnderscoreForHyphen_IsTheSame() =>
        Assert.Equal(FaultText.Parse("failslab:min-order=1"), FaultText.Parse("failslab:min_order=1"));

    [Theory]
    [InlineData("fail_decrypted", "fail_decrypt, ")]
    [InlineData("", "there is no fault point ''")]
    [InlineData("fail_decrypt:", "'' is no attribute")]
    [InlineData("fail_decrypt:time=1", "times")]
    [InlineData("fail_decrypt:times", "'times' is no attribute")]
    [InlineData("fail_decrypt:times=one", "'one' is not a number")]
    [InlineData("fail_decrypt:probability=-1", "'-1' is not a number")]
    [InlineData("fail_decrypt:errno=EIEIO", "'EIEIO' is no errno")]
    [InlineData("fail_decrypt:errno=4711", "'4711' is no errno")]
    public void Parse_Wrong_SaysWhatIsWrongOrWhatThereIs(string text, string sentence) =>
        Assert.Contains(sentence, Assert.Throws<FormatException>(() => FaultText.Parse(text)).Message, StringComparison.Ordinal);
}
