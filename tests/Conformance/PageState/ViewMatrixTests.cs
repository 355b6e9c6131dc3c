using CocoGuest.Machine.Memory;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;
using static CocoGuest.Machine.PageState.PageCondition;
using static CocoGuest.Machine.PageState.Views.ViewAccessor;

namespace CocoGuest.Tests.Conformance.PageState;

public class ViewMatrixTests
{
    public static TheoryData<Platform, ViewAccessor, PageCondition, string, bool> Cells()
    {
        TheoryData<Platform, ViewAccessor, PageCondition, string, bool> data = [];

        // S-PLAT-10
        Row(data, Platform.Sev, GuestPrivateMapping, "plain text", null, "garbled (decrypts plain text)");
        Row(data, Platform.Sev, GuestSharedMapping, "raw ciphertext", null, "plain text");
        Row(data, Platform.Sev, HostRead, "raw ciphertext", null, "plain text");
        Row(data, Platform.Sev, HostWrite, "raw ciphertext", null, "plain text");
        Row(data, Platform.Sev, DeviceT0, "raw ciphertext", null, "plain text");
        Row(data, Platform.Sev, DeviceT0WithCBit, "DMA address beyond reach", null, "DMA address beyond reach");
        Row(data, Platform.Sev, DeviceT1, "raw ciphertext", null, "plain text");

        // S-PLAT-11
        Row(data, Platform.SevSnp, GuestPrivateMapping, "plain text", "!#VC 0x404", "!#NPF: private access to a shared page");
        Row(data, Platform.SevSnp, GuestSharedMapping, "#NPF RMP", "#NPF RMP", "plain text");
        Row(data, Platform.SevSnp, HostRead, "raw ciphertext", "raw ciphertext", "plain text");
        Row(data, Platform.SevSnp, HostWrite, "#PF RMP (error bit 31)", "#PF RMP (error bit 31)", "plain text");
        Row(data, Platform.SevSnp, DeviceT0, "IOMMU RMP check", "IOMMU RMP check", "plain text");
        Row(data, Platform.SevSnp, DeviceT0WithCBit, "DMA address beyond reach", "DMA address beyond reach", "DMA address beyond reach");
        Row(data, Platform.SevSnp, DeviceT1, "plain text", "page not validated or accepted", "plain text");

        // S-PLAT-12
        Row(data, Platform.Tdx, GuestPrivateMapping, "plain text", "!#VE disabled: exit, guest is stuck", "!EPT violation");
        Row(data, Platform.Tdx, GuestSharedMapping, "#VE or exit for conversion", "#VE or exit for conversion", "plain text");
        Row(data, Platform.Tdx, HostRead, "zeros", "zeros", "plain text");
        Row(data, Platform.Tdx, HostWrite, "#MC poison on next read", "#MC poison on next read", "plain text");
        Row(data, Platform.Tdx, DeviceT0, "DMA fault", "DMA fault", "plain text");
        Row(data, Platform.Tdx, DeviceT0WithCBit, "DMA fault", "DMA fault", "plain text");
        Row(data, Platform.Tdx, DeviceT1, "plain text", "page not validated or accepted", "plain text");

        // S-PLAT-13
        Row(data, Platform.CcaRealm, GuestPrivateMapping, "plain text", "!RIPAS DESTROYED: exit, fatal", "synchronous external abort");
        Row(
            data, Platform.CcaRealm, GuestSharedMapping, "stage-2 fault: page is not shared", "stage-2 fault: page is not shared",
            "plain text");
        Row(data, Platform.CcaRealm, HostRead, "granule protection fault", null, "plain text");
        Row(data, Platform.CcaRealm, HostWrite, "granule protection fault", null, "plain text");
        Row(data, Platform.CcaRealm, DeviceT0, "DMA fault", "DMA fault", "plain text");

        // S-PLAT-14
        Row(data, Platform.S390, GuestPrivateMapping, "plain text", null, "plain text");
        Row(data, Platform.S390, HostRead, "raw ciphertext", null, "plain text");
        Row(data, Platform.S390, HostWrite, "page is exported, integrity lost", null, "plain text");
        Row(data, Platform.S390, DeviceT0, "DMA fault", null, "plain text");

        // S-HEAP-44
        Row(data, Platform.SmeHost, DeviceT0WithCBit, "plain text", null, "garbled (decrypts plain text)");
        return data;
    }

    [Theory]
    [MemberData(nameof(Cells))]
    [Statement("S-PLAT-10", "S-PLAT-11", "S-PLAT-12", "S-UNV-09", "S-UNV-10", "S-UNV-11", "S-PLAT-13", "S-PLAT-14", "S-HEAP-44")]
    public void Cell_OfTheReference_HasItsOutcome(
        Platform platform, ViewAccessor accessor, PageCondition condition, string description, bool terminates)
    {
        ViewCell cell = ViewMatrix.For(platform)[accessor, condition];
        Assert.Equal(description, cell.Description);
        Assert.Equal(terminates, cell.TerminatesGuest);
        Assert.Equal(cell.Outcome == ViewOutcome.Fault, cell.Fault != ViewFault.None);
    }

    [Fact]
    [Statement("S-PLAT-11", "S-ENC-03")]
    public void CiphertextHiding_OnSnp_ChangesHostReadsOfAssignedPagesOnly()
    {
        var open = ViewMatrix.For(Platform.SevSnp);
        var hiding = ViewMatrix.For(Platform.SevSnp, ciphertextHiding: true);
        foreach (ViewAccessor accessor in Enum.GetValues<ViewAccessor>())
        {
            foreach (PageCondition condition in Enum.GetValues<PageCondition>())
            {
                bool hidden = accessor == HostRead && condition != Shared;
                Assert.Equal(hidden ? ViewOutcome.AllOnes : open[accessor, condition].Outcome, hiding[accessor, condition].Outcome);
            }
        }
    }

    [Fact]
    public void PlainGuest_EveryCell_IsPlain() =>
        Assert.All(
            from accessor in Enum.GetValues<ViewAccessor>() from condition in Enum.GetValues<PageCondition>() select (accessor, condition),
            cell => Assert.Equal(ViewOutcome.Plain, ViewMatrix.For(Platform.None)[cell.accessor, cell.condition].Outcome));

    [Fact]
    public void ViewFaults_EveryFault_HasItsOwnWords() =>
        Assert.Equal(Enum.GetValues<ViewFault>().Length, Enum.GetValues<ViewFault>().Select(ViewFaults.Describe).Distinct().Count());

    [Fact]
    public void Markdown_OfTdx_IsTheTable() =>
        Assert.Equal(
            [
                "| accessor | private (accepted) | private (pending) | shared |",
                "|---|---|---|---|",
                "| guest, private mapping | plain text | fault (#VE disabled: exit, guest is stuck) → guest terminates "
                    + "| fault (EPT violation) → guest terminates |",
                "| guest, shared mapping | fault (#VE or exit for conversion) | fault (#VE or exit for conversion) | plain text |",
                "| host read | [B] zeros | [B] zeros | plain text |",
                "| host write | fault (#MC poison on next read) | fault (#MC poison on next read) | plain text |",
                "| T=0 device | [B] fault (DMA fault) | [B] fault (DMA fault) | plain text |",
                "| T=1 device | [B] plain text | fault (page not validated or accepted) | plain text |",
                string.Empty,
            ],
            ViewMatrixMarkdown.Render(ViewMatrix.For(Platform.Tdx)).Split('\n'));

    [Fact]
    public void Markdown_OfSev_HasTwoColumnsAndTheCBitRow()
    {
        string text = ViewMatrixMarkdown.Render(ViewMatrix.For(Platform.Sev));
        Assert.StartsWith("| accessor | private | shared |\n|---|---|---|\n", text, StringComparison.Ordinal);
        Assert.Contains("| T=0 device, address with C-bit | [B] fault (DMA address beyond reach) |", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Platform.None, ContentsRule.Kept, ContentsRule.Kept)]
    [InlineData(Platform.Sev, ContentsRule.CiphertextOfOldPlain, ContentsRule.DecryptionOfOldPlain)]
    [InlineData(Platform.SevSnp, ContentsRule.Zeros, ContentsRule.DecryptionOfZeros)]
    [InlineData(Platform.Tdx, ContentsRule.Zeros, ContentsRule.Zeros)]
    [InlineData(Platform.SevEs, ContentsRule.CiphertextOfOldPlain, ContentsRule.DecryptionOfOldPlain)]
    [InlineData(Platform.SevSnpVtom, ContentsRule.Zeros, ContentsRule.DecryptionOfZeros)]
    [InlineData(Platform.CcaRealm, ContentsRule.Zeros, ContentsRule.Zeros)]
    [InlineData(Platform.S390, ContentsRule.Kept, ContentsRule.Kept)]
    [InlineData(Platform.PowerSvm, ContentsRule.Kept, ContentsRule.Kept)]
    [Statement("S-PLAT-21", "S-SYS-27", "S-TDX-07", "S-UNV-52", "S-PLAT-02", "S-UNV-12")]
    public void Contents_WithDiscardingVmm_FollowTheTable(Platform platform, ContentsRule toShared, ContentsRule toPrivate)
    {
        Assert.Equal(toShared, ContentsAfterConversion.For(platform, ConversionDirection.ToShared));
        Assert.Equal(toPrivate, ContentsAfterConversion.For(platform, ConversionDirection.ToPrivate));
    }

    [Theory]
    [InlineData(Platform.SevSnp, ContentsRule.OldSharedContents, ContentsRule.OldPrivateContents)]
    [InlineData(Platform.Tdx, ContentsRule.OldSharedContents, ContentsRule.Zeros)]
    [Statement("S-PLAT-21", "S-SNP-32")]
    public void Contents_WithKeepingVmm_AreTheOldOnes(Platform platform, ContentsRule toShared, ContentsRule toPrivate)
    {
        Assert.Equal(toShared, ContentsAfterConversion.For(platform, ConversionDirection.ToShared, vmmDiscards: false));
        Assert.Equal(toPrivate, ContentsAfterConversion.For(platform, ConversionDirection.ToPrivate, vmmDiscards: false));
    }

    // A leading ! marks a cell that ends the guest; a null column does not exist on the platform.
    private static void Row(
        TheoryData<Platform, ViewAccessor, PageCondition, string, bool> data,
        Platform platform,
        ViewAccessor accessor,
        string onPrivate,
        string? onUnvalidated,
        string onShared)
    {
        Add(Private, onPrivate);
        if (onUnvalidated is not null)
            Add(PrivateUnvalidated, onUnvalidated);
        Add(Shared, onShared);

        void Add(PageCondition condition, string text) =>
            data.Add(platform, accessor, condition, text.TrimStart('!'), text.StartsWith('!'));
    }
}
