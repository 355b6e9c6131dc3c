using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Heaps;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine;

/// <summary>Checks a <see cref="GuestShape"/> and fills in what was left out, so that CreateGuest echoes the whole shape.</summary>
public static class GuestShapeRules
{
    /// <summary>RAM of a guest whose shape says 0.</summary>
    public const ulong DefaultMemoryBytes = 4UL << 30;

    private const ulong MinMemoryBytes = 64UL << 20;
    private const ulong MaxMemoryBytes = 1UL << 40;
    private const uint DefaultCpus = 2;
    private const uint MaxCpus = 8192;
    private const uint DefaultCBit = 51;

    /// <summary>The shape with every default filled in, or what is wrong with it (EINVAL or EOPNOTSUPP, the field named).</summary>
    public static Result<GuestShape> Complete(GuestShape shape)
    {
        var platform = PlatformProfile.Of(shape.Platform);
        var kernel = KernelProfile.Of(shape.Kernel);
        GuestShape full = shape with
        {
            MemoryBytes = shape.MemoryBytes == 0 ? DefaultMemoryBytes : shape.MemoryBytes,
            Cpus = shape.Cpus == 0 ? DefaultCpus : shape.Cpus,
            CBitPosition = platform.HasCBit && shape.CBitPosition == 0 ? DefaultCBit : shape.CBitPosition,
            GpaWidth = platform.Widths.Count != 0 && shape.GpaWidth == 0 ? platform.Widths[0] : shape.GpaWidth,
            Heaps = shape.Heaps.Count == 0 ? HeapNames(shape, kernel) : shape.Heaps,
        };
        Failure? failure = CheckName(full.Name) ?? CheckKernel(kernel, platform) ?? CheckPlatform(platform, kernel)
            ?? CheckMemory(full.MemoryBytes) ?? CheckCpus(full.Cpus)
            ?? CheckAddressing(full, platform) ?? CheckHeaps(full, kernel) ?? CheckCma(full)
            ?? CheckCmaRegions(full, kernel) ?? CheckTeePools(full, kernel) ?? CheckAccounting(full, kernel);
        return failure is null ? full : failure;
    }

    /// <summary>
    /// The heap nodes of a kernel on a platform, with the CMA area of its shape, in registration order (S-HEAP-46, S-HEAP-48, S-CMA-08).
    /// </summary>
    public static IReadOnlyList<string> HeapNames(GuestShape shape, KernelProfile kernel)
    {
        List<string> names = [.. HeapRegistry.SystemHeapNames(shape, kernel)];
        if (TryParseSize(shape.Cma, out ulong cma) && cma != 0)
        {
            names.Add(kernel.CmaHeapName);
            names.AddRange(shape.MoreCmaNodes);
        }

        names.AddRange(shape.CmaRegions.Select(r => r.Name));
        names.AddRange(shape.TeePools.Select(p => TeePoolSpec.NameOf(p.Use)).OfType<string>());
        return [.. names.Distinct(StringComparer.Ordinal)];
    }

    /// <summary>Reads a size as the kernel's command line has it: digits and an optional K, M or G.</summary>
    public static bool TryParseSize(string text, out ulong bytes)
    {
        bytes = 0;
        if (text.Length == 0)
        {
            return false;
        }

        int shift = char.ToUpperInvariant(text[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        string digits = shift == 0 ? text : text[..^1];
        if (!ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) || number > ulong.MaxValue >> shift)
        {
            return false;
        }

        bytes = number << shift;
        return true;
    }

    private static Failure? CheckName(string name) =>
        name.Length is >= 1 and <= 64 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? null
            : Wrong("name", $"The guest name '{Shorten(name)}' is not 1 to 64 characters of a-z, A-Z, 0-9, '-', '_' and '.'.");

    // The recordings' own kernel runs on the recordings' own platform.
    private static Failure? CheckKernel(KernelProfile kernel, PlatformProfile platform) =>
        kernel.Served || !platform.Served
            ? null
            : new Failure(Errno.EOPNOTSUPP, "create_guest", "kernel profile",
                $"Kernel profile {kernel.Name} is known but not served yet; served are "
                + $"{string.Join(" and ", KernelProfile.All.Where(k => k.Served).Select(k => k.Name))}.", "kernel");

    private static Failure? CheckPlatform(PlatformProfile platform, KernelProfile kernel) =>
        platform.MissingFrom.Contains(kernel.Version)
            ? new Failure(Errno.EOPNOTSUPP, "create_guest", "platform of kernel",
                $"Kernel profile {kernel.Name} cannot be a guest of platform {platform.Name} (S-UP-02, S-UP-23).", "platform")
            : null;

    private static Failure? CheckMemory(ulong bytes) =>
        Page.IsAligned(bytes) && bytes is >= MinMemoryBytes and <= MaxMemoryBytes
            ? null
            : Wrong("memory_bytes", $"memory_bytes {bytes} is not a multiple of 4096 from 64 MiB to 1 TiB.");

    private static Failure? CheckCpus(uint cpus) =>
        cpus <= MaxCpus ? null : Wrong("cpus", $"cpus {cpus} is above {MaxCpus}.");

    private static Failure? CheckAddressing(GuestShape shape, PlatformProfile platform)
    {
        if (platform.HasCBit ? shape.CBitPosition is < 40 or > 62 : shape.CBitPosition != 0)
        {
            return Wrong("c_bit_position", platform.HasCBit
                ? $"c_bit_position {shape.CBitPosition} is not between 40 and 62."
                : $"c_bit_position {shape.CBitPosition} is given, but platform {platform.Name} has no C-bit.");
        }

        return platform.Widths.Count == 0
            ? shape.GpaWidth == 0 ? null
                : Wrong("gpa_width", $"gpa_width {shape.GpaWidth} is given, but platform {platform.Name} has none to choose.")
            : CheckWidth(shape, platform);
    }

    // The top bit is the shared half (S-DMA-15, S-DMA-16), so RAM has to lie below it.
    private static Failure? CheckWidth(GuestShape shape, PlatformProfile platform) =>
        !platform.Widths.Contains(shape.GpaWidth)
            ? Wrong("gpa_width", $"gpa_width {shape.GpaWidth} is none of {string.Join(", ", platform.Widths)}.")
            : RamLayout.EndOf(shape.MemoryBytes) > 1UL << ((int)shape.GpaWidth - 1)
                ? Wrong("gpa_width", $"gpa_width {shape.GpaWidth} leaves no room for {shape.MemoryBytes} bytes of private RAM.")
                : null;

    private static Failure? CheckHeaps(GuestShape shape, KernelProfile kernel)
    {
        IReadOnlyList<string> known = HeapNames(shape, kernel);
        foreach (string heap in shape.Heaps)
        {
            if (!known.Contains(heap))
            {
                return Wrong("heaps", $"Kernel {kernel.Name} on platform {PlatformProfile.Of(shape.Platform).Name} has no heap "
                    + $"'{Shorten(heap)}'; it has {string.Join(", ", known)}.");
            }
        }

        return shape.Heaps.Distinct(StringComparer.Ordinal).Count() == shape.Heaps.Count
            ? null
            : Wrong("heaps", "A heap is named twice.");
    }

    private static Failure? CheckCma(GuestShape shape)
    {
        if (shape.Cma.Length == 0)
        {
            return null;
        }

        return TryParseSize(shape.Cma, out ulong bytes) && bytes <= shape.MemoryBytes / 2
            ? null
            : Wrong("cma", $"cma '{Shorten(shape.Cma)}' is not a size such as 64M, at most half of the memory.");
    }

    private static Failure? CheckCmaRegions(GuestShape shape, KernelProfile kernel)
    {
        if (shape.CmaRegions.Count != 0 && !kernel.HasHeapPerCmaArea)
        {
            return Wrong("cma_regions", $"Kernel {kernel.Name} has one CMA heap only (S-CMA-08).");
        }

        CmaRegionSpec? wrong = shape.CmaRegions.FirstOrDefault(r => r.Name.Length is 0 or > 64 || r.Bytes == 0 || !Page.IsAligned(r.Bytes));
        return wrong is null ? null
            : Wrong("cma_regions", $"CMA region '{Shorten(wrong.Name)}' of {wrong.Bytes} bytes has no name or no whole pages.");
    }

    private static Failure? CheckTeePools(GuestShape shape, KernelProfile kernel)
    {
        if (shape.TeePools.Count != 0 && !kernel.HasTeeHeaps)
        {
            return Wrong("tee_pools", $"Kernel {kernel.Name} has no protected heaps (S-TEE-01).");
        }

        foreach (TeePoolSpec pool in shape.TeePools)
        {
            if (TeePoolSpec.NameOf(pool.Use) is null || pool.Bytes == 0 || !Page.IsAligned(pool.Bytes))
            {
                return Wrong("tee_pools",
                    $"The pool for {pool.Use} of {pool.Bytes} bytes has no known use or no whole pages (S-TEE-06, 09).");
            }
        }

        return shape.TeePools.DistinctBy(p => p.Use).Count() == shape.TeePools.Count
            ? null
            : new Failure(Errno.EBUSY, "create_guest", "check shape", "Two TEE pools serve the same use (S-TEE-09).", "tee_pools");
    }

    private static Failure? CheckAccounting(GuestShape shape, KernelProfile kernel) =>
        !shape.MemAccounting || kernel.HasMemoryAccounting
            ? null
            : Wrong("mem_accounting", $"Kernel {kernel.Name} has no parameter dma_heap.mem_accounting (S-HEAP-53).");

    private static string Shorten(string text) => text.Length <= 80 ? text : text[..80] + "…";

    private static Failure Wrong(string field, string sentence) => new(Errno.EINVAL, "create_guest", "check shape", sentence, field);
}
