using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Memory.Frames;

/// <summary>
/// Where RAM lies in guest-physical space, as QEMU's x86 boards place it: up to 3 GiB from address 0, the rest from 4 GiB on.
/// Models: the hole below 4 GiB, the first MiB that the kernel keeps,
/// the swiotlb pool and the cma area taken at boot from the top of low memory.
/// Does not model: firmware tables but as something that areas avoid, the kernel image, per-CPU areas.
/// </summary>
internal sealed class RamLayout
{
    private const ulong LowLimit = 3UL << 30;
    private const ulong HighStart = 4UL << 30;
    private const ulong FirmwareBytes = 1UL << 20;
    private const ulong BootAlignment = 2UL << 20;
    private const ulong CmaAlignment = 4UL << 20;
    private const ulong FirmwareTableBytes = 128UL << 10;

    public RamLayout(ulong memoryBytes, ulong poolBytes, ulong cmaBytes)
    {
        ulong low = Math.Min(memoryBytes, LowLimit);
        ulong high = memoryBytes - low;
        TotalBytes = memoryBytes;
        EndAddress = EndOf(memoryBytes);
        Ranges = high == 0 ? [Frames(0, low)] : [Frames(0, low), Frames(HighStart, high)];
        ulong poolStart = (low - poolBytes) & ~(BootAlignment - 1);
        Pool = Frames(poolStart, poolBytes);

        // The area lies as high as it fits: above 4 GiB in a large guest, as cma= without an address does on x86.
        // Below 4 GiB the firmware's tables at the end of RAM are in its way.
        ulong top = high >= cmaBytes + CmaAlignment ? HighStart + high : Math.Min(poolStart, low - FirmwareTableBytes);
        Cma = Frames((top - cmaBytes) & ~(CmaAlignment - 1), cmaBytes);
        Firmware = Frames(0, FirmwareBytes);
    }

    /// <summary>Bytes of RAM.</summary>
    public ulong TotalBytes { get; }

    /// <summary>Address behind the last byte of RAM.</summary>
    public ulong EndAddress { get; }

    /// <summary>RAM as ranges of frames.</summary>
    public IReadOnlyList<FrameRange> Ranges { get; }

    /// <summary>The swiotlb pool; empty when there is none.</summary>
    public FrameRange Pool { get; }

    /// <summary>The area of <c>cma=</c>; empty when there is none.</summary>
    public FrameRange Cma { get; }

    /// <summary>The first MiB.</summary>
    public FrameRange Firmware { get; }

    /// <summary>Address behind the last byte of this much RAM.</summary>
    public static ulong EndOf(ulong memoryBytes) => memoryBytes <= LowLimit ? memoryBytes : HighStart + memoryBytes - LowLimit;

    /// <summary>True when the boot-time areas fit below 4 GiB and leave at least half of low memory.</summary>
    public static bool Fits(ulong memoryBytes, ulong poolBytes, ulong cmaBytes) =>
        poolBytes + cmaBytes + (2 * BootAlignment) <= Math.Min(memoryBytes, LowLimit) / 4 * 3;

    /// <summary>True when every byte of the range is RAM.</summary>
    public bool Contains(ulong address, ulong length)
    {
        ulong end = address + length;
        if (end < address)
        {
            return false;
        }

        foreach (FrameRange range in Ranges)
        {
            if (address >= range.Address && end <= range.Address + range.Bytes)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whole pages of RAM, or EINVAL naming the field at fault.</summary>
    public Result<FrameRange> FramesAt(ulong address, ulong length, string operation) =>
        !Page.IsAligned(address) || !Contains(address, length)
            ? new Failure(Errno.EINVAL, operation, "check address",
                $"0x{address:x} + {length} is not a page-aligned range of RAM.", "address")
        : length == 0 || !Page.IsAligned(length)
            ? new Failure(Errno.EINVAL, operation, "check length", $"length {length} is not a number of whole pages.", "length")
        : Frames(address, length);

    private static FrameRange Frames(ulong address, ulong bytes) => new(Page.FrameOf(address), bytes >> Page.Shift);
}
