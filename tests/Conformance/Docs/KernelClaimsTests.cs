using System.Globalization;
using System.Text.RegularExpressions;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Conformance.Docs;

/// <summary>What README and docs/run.md say in passing about kernels and defaults is what the tables have.</summary>
public sealed partial class KernelClaimsTests
{
    // The released ones; a series of patches has no place in their order.
    private static IEnumerable<KernelProfile> Kernels => KernelProfile.All.Where(k => k.Served && k.Version != KernelVersion.SeedV1);

    [Fact]
    public void Readme_OfTheSharedHeap_NamesItsFirstKernel() => Assert.Equal(
        Kernels.First(k => k.SharedHeapName is not null).Name,
        Claim("README.md", FirstHeap()));

    [Fact]
    public void RunDocument_OfDmaBufEvents_NamesTheirFirstKernel() => Assert.Equal(
        Kernels.First(k => TraceEventTable.Of(k.Version).Contains("dma_buf:dma_buf_export")).Name,
        Claim("docs/run.md", FirstEvents()));

    [Theory]
    [InlineData("README.md", @"guest ""default"": SEV-SNP, kernel (?<word>\S+), 4 GiB")]
    [InlineData("README.md", @"on SNP and kernel (?<word>\S+) unless told otherwise")]
    [InlineData("docs/run.md", @"default: SNP, kernel (?<word>\S+), 4 GiB")]
    public void Document_OfTheDefaultGuest_NamesItsKernel(string document, string claim)
    {
        Result<GuestShape> shape = GuestShapeRules.Complete(new GuestShape());

        Assert.Equal(
            (KernelProfile.Of(shape.Value.Kernel).Name, Platform.SevSnp, 4UL << 30),
            (Claim(document, new Regex(claim)), shape.Value.Platform, shape.Value.MemoryBytes));
    }

    [Fact]
    public void Readme_OfTheReference_CountsItsStatements()
    {
        int statements = Directory.GetFiles(Path.Combine(Repository.Root, "docs/reference"), "*.md")
            .SelectMany(file => Statement().Matches(File.ReadAllText(file))).Select(match => match.Value).Distinct().Count();

        // In tens: a new one is no reason to touch README.
        Assert.InRange(statements - int.Parse(Claim("README.md", Counted()), CultureInfo.InvariantCulture), 0, 49);
    }

    private static string Claim(string document, Regex claim)
    {
        Match match = claim.Match(File.ReadAllText(Path.Combine(Repository.Root, document)));
        Assert.True(match.Success, $"{document} does not say {claim} any more.");
        return match.Groups["word"].Value;
    }

    [GeneratedRegex(@"The heap is there from kernel (?<word>\S+) on")]
    private static partial Regex FirstHeap();

    [GeneratedRegex(@"`dma_buf:\*` \(from kernel (?<word>\S+) on\)")]
    private static partial Regex FirstEvents();

    [GeneratedRegex(@"^- \*\*S-[A-Z]+-\d+", RegexOptions.Multiline)]
    private static partial Regex Statement();

    [GeneratedRegex(@"(?<word>\d+) numbered statements")]
    private static partial Regex Counted();
}
