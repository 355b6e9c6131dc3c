using CocoGuest.Machine.Dma;
using static CocoGuest.Machine.Dma.MappingInputs;

namespace CocoGuest.Tests.Machine.Dma;

/// <summary>
/// Every row of S-DMA-30..33, hit by inputs that no earlier row takes; the results are written out by hand from the reference.
/// </summary>
public class DirectMappingTableTests
{
    private const MappingInputs AllForms = CapablePhys | CapablePrivate | CapableUnencrypted;

    public static TheoryData<string, int, MappingInputs, MappingAction> Rows { get; } = new()
    {
        { "6.12", 1, ForcedBounce | Mmio | CapablePhys, MappingAction.Phys },
        { "6.12", 2, ForcedBounce | Mmio | SwiotlbActive, MappingAction.WarnPhys },
        { "6.12", 3, ForcedBounce | AllForms | SwiotlbActive, MappingAction.Swiotlb },
        { "6.12", 4, CapablePrivate | SwiotlbActive, MappingAction.Private },
        { "6.12", 5, SwiotlbActive, MappingAction.Swiotlb },
        { "6.12", 6, CapablePhys, MappingAction.WarnPrivate },
        { "P0", 1, ForcedBounce | Mmio | AllForms | SwiotlbActive, MappingAction.WarnUninitialised },
        { "P0", 2, ForcedBounce | AllForms | SwiotlbActive, MappingAction.Swiotlb },
        { "P0", 3, Mmio | CapablePhys, MappingAction.Phys },
        { "P0", 4, Mmio | SwiotlbActive, MappingAction.WarnPhys },
        { "P0", 5, CapablePrivate | SwiotlbActive, MappingAction.Private },
        { "P0", 6, SwiotlbActive, MappingAction.Swiotlb },
        { "P0", 6, SwiotlbActive | CapablePrivate | KmallocBounce, MappingAction.Swiotlb },
        { "P0", 7, CapablePrivate | KmallocBounce, MappingAction.WarnPrivate },
        { "P1", 1, ForcedBounce | Mmio | AllForms | SwiotlbActive, MappingAction.SilentError },
        { "P1", 2, ForcedBounce | AllForms | SwiotlbActive, MappingAction.Swiotlb },
        { "P1", 2, ForcedBounce | RequireCoherent | SwiotlbActive, MappingAction.Swiotlb },
        { "P1", 3, CcShared | AllForms, MappingAction.SilentError },
        { "P1", 3, CcShared | Mmio | AllForms, MappingAction.SilentError },
        { "P1", 4, Mmio | CapablePhys, MappingAction.Phys },
        { "P1", 4, ForcedBounce | CcShared | Mmio | CapablePhys, MappingAction.Phys },
        { "P1", 5, ForcedBounce | CcShared | Mmio | SwiotlbActive, MappingAction.WarnPhys },
        { "P1", 6, ForcedBounce | CcShared | AllForms | SwiotlbActive, MappingAction.Unencrypted },
        { "P1", 7, ForcedBounce | CcShared | CapablePrivate | SwiotlbActive, MappingAction.WarnUnencrypted },
        { "P1", 8, CapablePrivate | SwiotlbActive, MappingAction.Private },
        { "P1", 9, SwiotlbActive | RequireCoherent, MappingAction.Swiotlb },
        { "P1", 10, CapablePhys, MappingAction.WarnPrivate },
        { "P2, P2b", 1, ForcedBounce | Mmio | AllForms | SwiotlbActive, MappingAction.SilentError },
        { "P2, P2b", 1, ForcedBounce | RequireCoherent | AllForms | SwiotlbActive, MappingAction.SilentError },
        { "P2, P2b", 2, ForcedBounce | AllForms | SwiotlbActive, MappingAction.Swiotlb },
        { "P2, P2b", 3, CcShared | AllForms | SwiotlbActive, MappingAction.SilentError },
        { "P2, P2b", 4, Mmio | CapablePhys, MappingAction.Phys },
        { "P2, P2b", 5, ForcedBounce | CcShared | Mmio | SwiotlbActive, MappingAction.WarnPhys },
        { "P2, P2b", 6, ForcedBounce | CcShared | RequireCoherent | AllForms | SwiotlbActive, MappingAction.Unencrypted },
        { "P2, P2b", 7, ForcedBounce | CcShared | SwiotlbActive, MappingAction.WarnUnencrypted },
        { "P2, P2b", 8, CapablePrivate | RequireCoherent | SwiotlbActive, MappingAction.Private },
        { "P2, P2b", 9, SwiotlbActive, MappingAction.Swiotlb },
        { "P2, P2b", 10, SwiotlbActive | RequireCoherent, MappingAction.WarnPrivate },
        { "P3", 0, Mmio | HostMemEncrypt | CapableUnencrypted, MappingAction.Unencrypted },
        { "P3", 0, Mmio | HostMemEncrypt | CapablePrivate, MappingAction.WarnUnencrypted },
        { "P3", 1, ForcedBounce | Mmio | CcShared | AllForms | SwiotlbActive, MappingAction.SilentError },
        { "P3", 1, ForcedBounce | RequireCoherent | AllForms | SwiotlbActive, MappingAction.SilentError },
        { "P3", 2, ForcedBounce | CcShared | AllForms | SwiotlbActive, MappingAction.Swiotlb },
        { "P3", 4, Mmio | CcShared | CapableUnencrypted, MappingAction.Unencrypted },
        { "P3", 4, Mmio | CapablePrivate, MappingAction.Private },
        { "P3", 5, Mmio | CapableUnencrypted | CapablePhys | SwiotlbActive, MappingAction.WarnPrivate },
        { "P3", 5, Mmio | CcShared | CapablePrivate | SwiotlbActive, MappingAction.WarnUnencrypted },
        { "P3", 6, CcShared | CapableUnencrypted | SwiotlbActive, MappingAction.Unencrypted },
        { "P3", 6, CapablePrivate | SwiotlbActive, MappingAction.Private },
        { "P3", 7, CcShared | CapablePrivate | SwiotlbActive, MappingAction.Swiotlb },
        { "P3", 7, SwiotlbActive | CapableUnencrypted, MappingAction.Swiotlb },
        { "P3", 8, SwiotlbActive | RequireCoherent, MappingAction.WarnPrivate },
        { "P3", 8, CcShared, MappingAction.WarnUnencrypted },
    };

    [Theory]
    [Statement("S-DMA-30", "S-DMA-31", "S-DMA-32", "S-DMA-33", "S-DMA-46")]
    [MemberData(nameof(Rows))]
    public void Decide_InputsOfARow_GiveItsResult(string table, int row, MappingInputs inputs, MappingAction expected)
    {
        _ = row;
        Assert.Equal(expected, DirectMappingTables.All.Single(candidate => candidate.Name == table).Decide(inputs));
    }

    [Fact]
    public void Rows_OfAllTables_AreAllTested()
    {
        // Row 3 of P3 chooses the address for the rows behind it and ends nothing.
        IEnumerable<(string, int)> all = DirectMappingTables.All
            .SelectMany(table => table.Rows
                .Where(row => row.Action != MappingAction.ChooseAddress)
                .Select(row => (table.Name, row.Number)));
        IEnumerable<(string, int)> tested = Rows.Select(row => (row.Data.Item1, row.Data.Item2)).Distinct();

        Assert.Equal(all.Order(), tested.Order());
    }

    [Fact]
    public void Constructor_TableWithAGap_Throws() =>
        Assert.Throws<ArgumentException>(
            () => new DirectMappingTable("gap", "none", new MappingRow(1, ForcedBounce, MappingAction.Swiotlb)));

    [Fact]
    [Statement("S-DMA-33")]
    public void ToMarkdown_P3_IsTheTableOfTheReference() =>
        Assert.Equal(
            """
            **P3** (S-DMA-33)

            | # | condition | result |
            |---|---|---|
            | 0 | MMIO, HOST_MEM_ENCRYPT | CC is added |
            | 1 | FB, (MMIO or RC) | ERROR, silent |
            | 2 | FB | swiotlb map |
            | 3 | – | address = CC ? unencrypted : private |
            | 4 | MMIO, capable(address) | address |
            | 5 | MMIO | Warn (address) |
            | 6 | capable(address), not KB | address |
            | 7 | SA, not RC | swiotlb map |
            | 8 | – | Warn (address) |

            """,
            DirectMappingTables.P3.ToMarkdown());
}
