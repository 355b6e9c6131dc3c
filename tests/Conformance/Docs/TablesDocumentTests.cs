using System.Text;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Conformance.Docs;

/// <summary>
/// docs/tables.md is written from the tables that the machine runs on. To write it anew:
/// <c>COCOGUEST_WRITE_DOCS=1 dotnet test tests/Conformance --filter TablesDocument</c>.
/// </summary>
public sealed class TablesDocumentTests
{
    private const string WriteVariable = "COCOGUEST_WRITE_DOCS";

    [Fact]
    [Statement("S-DMA-30", "S-DMA-31", "S-DMA-32", "S-DMA-33", "S-PLAT-10", "S-PLAT-11", "S-PLAT-12", "S-PLAT-21", "S-DMA-10")]
    public void TablesDocument_AsCommitted_EqualsTheDataOfTheMachine()
    {
        string path = Path.Combine(Repository.Root, "docs", "tables.md");
        string expected = Render();
        if (Environment.GetEnvironmentVariable(WriteVariable) == "1")
        {
            File.WriteAllText(path, expected);
        }

        Assert.Equal(expected, File.ReadAllText(path));
    }

    private static string Render()
    {
        var text = new StringBuilder();
        text.Append(
            "# Tables\n\nGenerated from the data that the machine runs on (tests/Conformance/Docs/TablesDocumentTests.cs); do not edit.\n");
        text.Append("\n## Direct mapping: what `dma_map_phys` and `dma_map_sgtable` decide\n\n"
            + "FB: forced bounce. CC: shared attribute. MMIO, RC: attributes MMIO and REQUIRE_COHERENT. "
            + "capable(x): the device reaches address x. SA: the device has a swiotlb pool. "
            + "KB: small unaligned kmalloc buffer (never on x86). Warn: overflow warning once, then ERROR.\n");
        foreach (DirectMappingTable table in DirectMappingTables.All)
        {
            text.Append('\n').Append(table.ToMarkdown().TrimEnd()).Append('\n');
        }

        text.Append("\n## Views: who sees what of a page\n");
        foreach (Platform platform in Enum.GetValues<Platform>())
        {
            text.Append($"\n### Platform {PlatformProfile.Of(platform).Name}\n\n")
                .Append(ViewMatrixMarkdown.Render(ViewMatrix.For(platform)).TrimEnd()).Append('\n');
        }

        AppendPlatforms(text);
        return text.ToString();
    }

    private static void AppendPlatforms(StringBuilder text)
    {
        text.Append("\n## Platforms: attributes and contents after conversion\n\n"
            + "Attributes are those of `cc_platform_has` (S-DMA-10); where 7.3 differs it stands behind a slash. "
            + "Contents are what the new view shows right after a conversion, with a VMM that drops old backings (S-PLAT-21).\n\n"
            + "| platform | not with | MEM_ENCRYPT | GUEST_MEM_ENCRYPT | ordinary devices need shared memory | →shared | →private |\n"
            + "|---|---|---|---|---|---|---|\n");
        foreach (PlatformProfile platform in PlatformProfile.All.Where(p => p.Served))
        {
            var old = PlatformDmaTraits.Of(platform.Platform, KernelVersion.V72);
            var now = PlatformDmaTraits.Of(platform.Platform, KernelVersion.V73);
            string missing = string.Join(", ", platform.MissingFrom.Select(KernelProfile.Of).Where(k => k.Served).Select(k => k.Name));
            text.Append($"| {platform.Name} | {(missing.Length == 0 ? "–" : missing)} | {Both(old.MemEncrypt, now.MemEncrypt)} "
                + $"| {Both(old.GuestMemEncrypt, now.GuestMemEncrypt)} | {Both(old.ForcesUnencrypted, now.ForcesUnencrypted)} "
                + $"| {ContentsAfterConversion.For(platform.Platform, ConversionDirection.ToShared)} "
                + $"| {ContentsAfterConversion.For(platform.Platform, ConversionDirection.ToPrivate)} |\n");
        }
    }

    private static string Both(bool old, bool now) => old == now ? Word(now) : $"{Word(old)} / {Word(now)}";

    private static string Word(bool value) => value ? "yes" : "no";
}
