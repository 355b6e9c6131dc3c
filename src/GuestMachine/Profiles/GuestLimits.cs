using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Profiles;

/// <summary>Every limit of a guest, explicit. Exceeding one is an expected failure with the kernel's errno.</summary>
/// <param name="FdsPerProcess">RLIMIT_NOFILE: EMFILE beyond.</param>
/// <param name="MappingsPerProcess">vm.max_map_count: ENOMEM beyond.</param>
/// <param name="Processes">Processes of a guest: EAGAIN beyond.</param>
/// <param name="DevicesPerProcess">Devices of a process: ENOSPC beyond.</param>
/// <param name="AttachmentsPerProcess">Attachments of a process: ENOMEM beyond.</param>
/// <param name="ShareTokens">Share tokens in flight in a guest: ENOSPC beyond.</param>
/// <param name="RdmaDevices">RDMA devices of a guest: ENOSPC beyond.</param>
/// <param name="RdmaObjects">Protection domains of a guest, and memory regions: ENOMEM beyond, as for an HCA that has no more.</param>
/// <param name="HeapUses">Rows of the map from uses to heaps: ENOSPC beyond.</param>
public sealed record GuestLimits(
    int FdsPerProcess = 65536,
    int MappingsPerProcess = 65530,
    int Processes = 4096,
    int DevicesPerProcess = 256,
    int AttachmentsPerProcess = 65536,
    int ShareTokens = 65536,
    int RdmaDevices = 256,
    int RdmaObjects = 65536,
    int HeapUses = 1024)
{
    /// <summary>Largest Load, Store, DmaRead, DmaWrite or host read in one call, in bytes: EINVAL beyond.</summary>
    public const ulong BytesPerAccess = 1UL << 20;

    /// <summary>Of what a guest has for all, contained processes together get one in so many.</summary>
    public const int ContainedPart = 2;

    /// <summary>Life of a share token that does not say how long it lives.</summary>
    public static readonly TimeSpan DefaultTokenLife = TimeSpan.FromSeconds(60);

    /// <summary>Longest life of a share token: EINVAL beyond.</summary>
    public static readonly TimeSpan LongestTokenLife = TimeSpan.FromHours(24);

    /// <summary>EINVAL for an access longer than <see cref="BytesPerAccess"/>.</summary>
    internal static Failure? CheckAccessLength(string operation, ulong length) =>
        length <= BytesPerAccess
            ? null
            : new Failure(Errno.EINVAL, operation, "check length", $"{length} bytes in one call; at most {BytesPerAccess}.", "length");
}
