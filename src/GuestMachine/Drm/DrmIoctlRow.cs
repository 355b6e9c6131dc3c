using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Drm;

/// <summary>What an ioctl does with the kernel's copy of its argument, which it changes in place. Null: it returns 0.</summary>
internal delegate Failure? DrmIoctlHandler(DrmIoctl call, Span<byte> data);

/// <summary>One ioctl of DRM nodes.</summary>
/// <param name="Number">Number in type 'd'.</param>
/// <param name="Name">Its name without the prefix.</param>
/// <param name="Direction">Direction bits of the kernel's command: 1 user writes, 2 user reads.</param>
/// <param name="Size">Bytes of the kernel's structure.</param>
/// <param name="Need">Who may use it.</param>
/// <param name="Handler">What it does.</param>
internal sealed record DrmIoctlRow(uint Number, string Name, uint Direction, int Size, DrmIoctlNeed Need, DrmIoctlHandler Handler)
{
    private const uint WriteBit = 1;
    private const uint ReadBit = 2;

    /// <summary>The kernel's command reads the argument.</summary>
    public bool UserWrites => (Direction & WriteBit) != 0;

    /// <summary>The kernel's command writes the argument back.</summary>
    public bool UserReads => (Direction & ReadBit) != 0;
}
