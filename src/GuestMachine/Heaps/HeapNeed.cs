namespace CocoGuest.Machine.Heaps;

/// <summary>What a use asks of its memory; <see cref="HeapUseTable"/> says which heap gives it.</summary>
internal enum HeapNeed
{
    /// <summary>Private memory of the guest.</summary>
    Private,

    /// <summary>Memory that devices outside the trust boundary reach without bouncing.</summary>
    DeviceVisible,

    /// <summary>As <see cref="DeviceVisible"/>, and physically contiguous where the guest has an area for it.</summary>
    ContiguousDeviceVisible,

    /// <summary>The protected pool for secure video.</summary>
    SecureVideo,

    /// <summary>The protected pool for a trusted user interface.</summary>
    TrustedUi,

    /// <summary>The protected pool for recording secure video.</summary>
    SecureVideoRecord,
}
