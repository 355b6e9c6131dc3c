using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.PageState.Wire;

/// <summary>Hypercall 12, KVM_HC_MAP_GPA_RANGE: a0 guest-physical address, a1 number of 4 KiB pages, a2 attributes (S-SEV-03).</summary>
public static class MapGpaRange
{
    /// <summary>Number of the hypercall.</summary>
    public const int Number = 12;

    /// <summary>Result when user-space exits are not enabled: minus KVM_ENOSYS (S-SEV-05).</summary>
    public const long NotEnabled = -1000;

    /// <summary>Result for an address or number of pages that is wrong: minus KVM_EINVAL (S-SEV-05).</summary>
    public const long Invalid = -22;

    private const ulong EncryptedBit = 0x10;
    private const ulong SizeMask = 0xf;

    /// <summary>Attributes (S-SEV-04): size in bits 3:0, 0x10 for private.</summary>
    public static ulong EncodeAttributes(ConversionDirection direction, MappingSize size) =>
        (direction == ConversionDirection.ToPrivate ? EncryptedBit : 0) | (ulong)size;

    /// <summary>Direction that the attributes ask for.</summary>
    public static ConversionDirection DirectionOf(ulong attributes) =>
        (attributes & EncryptedBit) != 0 ? ConversionDirection.ToPrivate : ConversionDirection.ToShared;

    /// <summary>Size that the attributes name.</summary>
    public static MappingSize SizeOf(ulong attributes) => (MappingSize)(attributes & SizeMask);
}
