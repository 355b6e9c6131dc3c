using System.Text;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Dma.Mapping;

/// <summary>
/// The kernel's text of the dma and swiotlb trace events (S-TRC-01..25, S-TRC-40).
/// Models: names, fields, number formats, attribute names by kernel, the cap of <c>dma_map_sg</c>. Does not model: the columns in front of
/// the
/// event name (S-TRC-80), hashing of pointers.
/// </summary>
public sealed class DmaTraceText
{
    /// <summary>Elements that the arrays of <c>dma_map_sg</c> hold at most (S-TRC-16).</summary>
    public const int MostArrayElements = 128;

    private static readonly string[] Directions = ["BIDIRECTIONAL", "TO_DEVICE", "FROM_DEVICE", "NONE"];

    // Index = bit. Null: the bit has no name (S-TRC-02..04).
    private static readonly string?[] Until612 =
    [
        null, "WEAK_ORDERING", "WRITE_COMBINE", null, "NO_KERNEL_MAPPING", "SKIP_CPU_SYNC", "FORCE_CONTIGUOUS", "ALLOC_SINGLE_PAGES",
        "NO_WARN", "PRIVILEGED",
    ];

    private static readonly string?[] P0Names = [.. Until612, "MMIO"];
    private static readonly string?[] P1Names = [.. P0Names, "CC_DECRYPTED"];
    private static readonly string?[] P2Names = [.. P0Names, "CACHELINES_OVERLAP", "REQUIRE_COHERENT", "CC_SHARED"];
    private static readonly string?[] P3Names = [.. P2Names, "ALLOC_CC_SHARED"];

    // Index = KernelVersion.
    private static readonly string?[][] NamesByKernel = [Until612, P0Names, P1Names, P2Names, P2Names, P3Names, P1Names];

    private static readonly string[] AllocationEvents =
        ["dma_alloc", "dma_alloc_pages", "dma_alloc_sgt", "dma_alloc_sgt_err", "dma_free", "dma_free_pages", "dma_free_sgt"];

    private readonly string?[] _names;
    private readonly bool _hasPhysCalls;

    /// <summary>The texts of a kernel.</summary>
    public DmaTraceText(KernelVersion kernel)
    {
        _names = NamesByKernel[(int)kernel];
        _hasPhysCalls = DmaKernelRules.Of(kernel).HasPhysCalls;
    }

    /// <summary>
    /// Name of the event of a single mapping: <c>dma_map_phys</c>, before 6.18 <c>dma_map_page</c> or <c>dma_map_resource</c> (S-TRC-12).
    /// </summary>
    public string MapEvent(DmaAttributes attributes) => "dma_map_" + Single(attributes);

    /// <summary>Name of the event of a single unmapping (S-TRC-12).</summary>
    public string UnmapEvent(DmaAttributes attributes) => "dma_unmap_" + Single(attributes);

    /// <summary>Name of an allocation event (S-TRC-13..15).</summary>
    public static string AllocationEvent(DmaAllocationKind kind) => AllocationEvents[(int)kind];

    /// <summary>Names of the attributes, joined by <c>|</c>; bits without a name follow as one number (S-TRC-02, 03).</summary>
    public string Attributes(DmaAttributes attributes)
    {
        var text = new StringBuilder();
        uint rest = (uint)attributes;
        for (int bit = 0; bit < _names.Length; bit++)
        {
            if (_names[bit] is { } name && (rest & (1u << bit)) != 0)
            {
                text.Append(text.Length == 0 ? string.Empty : "|").Append(name);
                rest &= ~(1u << bit);
            }
        }

        return rest == 0 ? text.ToString() : text.Append(text.Length == 0 ? string.Empty : "|").Append($"0x{rest:x}").ToString();
    }

    /// <summary>S-TRC-10.</summary>
    public string MapPhys(string device, ulong phys, ulong dma, ulong size, DmaDirection direction, DmaAttributes attributes) =>
        $"{Head(device, direction)} dma_addr={dma:x} size={size} phys_addr={phys:x} attrs={Attributes(attributes)}";

    /// <summary>S-TRC-11.</summary>
    public string UnmapPhys(string device, ulong dma, ulong size, DmaDirection direction, DmaAttributes attributes) =>
        $"{Head(device, direction)} dma_addr={dma:x} size={size} attrs={Attributes(attributes)}";

    /// <summary>S-TRC-13..15.</summary>
    public string Allocation(string device, DmaAllocationEvent e)
    {
        string start = $"{Head(device, e.Direction)} dma_addr={e.Dma:x} size={e.Size}";
        return e.Kind switch
        {
            DmaAllocationKind.AllocSgt => $"{start} phys_addrs={Array(e.Phys)} flags={e.Flags} attrs={Attributes(e.Attributes)}",
            DmaAllocationKind.FreeSgt => $"{start} phys_addrs={Array(e.Phys)}",
            DmaAllocationKind.Free or DmaAllocationKind.FreePages => $"{start} virt_addr={e.Virtual:x16} attrs={Attributes(e.Attributes)}",
            _ => $"{start} virt_addr={e.Virtual:x16} flags={e.Flags} attrs={Attributes(e.Attributes)}",
        };
    }

    /// <summary>S-TRC-16.</summary>
    public string MapSg(
        string device, ReadOnlySpan<SgEntry> entries, ReadOnlySpan<ulong> dma, DmaDirection direction, DmaAttributes attributes)
    {
        int nents = Math.Min(entries.Length, MostArrayElements);
        int ents = Math.Min(dma.Length, MostArrayElements);
        var text = new StringBuilder(Head(device, direction));
        text.Append($" nents={nents}/{entries.Length} ents={ents}/{dma.Length}");
        text.Append(entries.Length > nents || dma.Length > ents ? " [TRUNCATED]" : string.Empty);
        Append(text, " dma_addrs=", dma[..ents]);
        AppendLengths(text, entries[..ents]);
        AppendPhys(text, " phys_addrs=", entries[..nents]);
        return text.Append(" attrs=").Append(Attributes(attributes)).ToString();
    }

    /// <summary>S-TRC-18: the array is called dma_addrs and holds physical addresses.</summary>
    public string MapSgError(
        string device, ReadOnlySpan<SgEntry> entries, Errno error, DmaDirection direction, DmaAttributes attributes)
    {
        var text = new StringBuilder(Head(device, direction));
        AppendPhys(text, " dma_addrs=", entries);
        return text.Append($" err={-(int)error} attrs={Attributes(attributes)}").ToString();
    }

    /// <summary>S-TRC-19.</summary>
    public string UnmapSg(string device, ReadOnlySpan<SgEntry> entries, DmaDirection direction, DmaAttributes attributes)
    {
        var text = new StringBuilder(Head(device, direction));
        AppendPhys(text, " phys_addrs=", entries);
        return text.Append(" attrs=").Append(Attributes(attributes)).ToString();
    }

    /// <summary>S-TRC-20.</summary>
    public static string SyncSingle(string device, ulong dma, ulong size, DmaDirection direction) =>
        $"{Head(device, direction)} dma_addr={dma:x} size={size}";

    /// <summary>S-TRC-21.</summary>
    public static string SyncSg(string device, ReadOnlySpan<SgEntry> entries, ReadOnlySpan<ulong> dma, DmaDirection direction)
    {
        var text = new StringBuilder(Head(device, direction));
        Append(text, " dma_addrs=", dma);
        AppendLengths(text, entries);
        return text.ToString();
    }

    /// <summary>S-TRC-40.</summary>
    public static string Bounced(string device, ulong dmaMask, ulong deviceAddress, ulong size, bool forced) =>
        $"dev_name: {device} dma_mask={dmaMask:x} dev_addr={deviceAddress:x} size={size} {(forced ? "FORCE" : "NORMAL")}";

    private static string Head(string device, DmaDirection direction) => $"{device} dir={Directions[(int)direction]}";

    private string Single(DmaAttributes attributes) =>
        _hasPhysCalls ? "phys" : (attributes & DmaAttributes.Mmio) != 0 ? "resource" : "page";

    private static string Array(IReadOnlyList<ulong> values)
    {
        var text = new StringBuilder();
        Append(text, string.Empty, values.ToArray());
        return text.ToString();
    }

    private static void AppendPhys(StringBuilder text, string label, ReadOnlySpan<SgEntry> entries)
    {
        text.Append(label).Append('{');
        for (int i = 0; i < entries.Length; i++)
        {
            text.Append(i == 0 ? "0x" : ",0x").Append($"{entries[i].Phys:x}");
        }

        text.Append('}');
    }

    private static void AppendLengths(StringBuilder text, ReadOnlySpan<SgEntry> entries)
    {
        text.Append(" sizes={");
        for (int i = 0; i < entries.Length; i++)
        {
            text.Append(i == 0 ? "0x" : ",0x").Append($"{entries[i].Length:x}");
        }

        text.Append('}');
    }

    private static void Append(StringBuilder text, string label, ReadOnlySpan<ulong> values)
    {
        text.Append(label).Append('{');
        for (int i = 0; i < values.Length; i++)
        {
            text.Append(i == 0 ? "0x" : ",0x").Append($"{values[i]:x}");
        }

        text.Append('}');
    }
}
