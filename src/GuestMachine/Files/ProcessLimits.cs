namespace CocoGuest.Machine.Files;

/// <summary>
/// Resource limits of a process; a child of fork has its parent's.
/// Models: RLIMIT_NOFILE, RLIMIT_AS, RLIMIT_MEMLOCK where drivers pin for it (S-PIN-20). Heaps ignore them all (S-PIN-35).
/// </summary>
public sealed record ProcessLimits
{
    /// <summary>RLIMIT_NOFILE: fd numbers stay below it (EMFILE); null: the guest's own limit.</summary>
    public int? OpenFiles { get; init; }

    /// <summary>RLIMIT_AS: bytes mapped (ENOMEM).</summary>
    public ulong AddressSpaceBytes { get; init; } = ulong.MaxValue;

    /// <summary>RLIMIT_MEMLOCK: bytes that drivers may pin for it (ENOMEM); 0 forbids it altogether (EPERM).</summary>
    public ulong LockedBytes { get; init; } = 8UL << 20;

    /// <summary>CAP_IPC_LOCK: <see cref="LockedBytes"/> does not count.</summary>
    public bool MayLock { get; init; } = true;
}
