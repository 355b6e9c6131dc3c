namespace CocoGuest.Tests.Service.Access;

/// <summary>
/// What somebody without the token gains by each field of each request that he may send: nothing beyond what is his own, for the reason
/// that stands here. A field that is not listed, or listed with other requests, has to be thought about; one that gains him more takes the
/// option <c>cocoguest.v1.widens_to</c> instead and must not stand here.
/// </summary>
internal static class ReviewedFields
{
    private const string Any = "*";

    /// <summary>Name of a field, requests that have it ("*": any), and why it widens nothing.</summary>
    private static readonly (string Field, string Requests, string Why)[] Rows =
    [
        ("guest", Any, "Whoever reaches the server may have a process in any guest; what others have there is theirs."),
        ("process", Any, "128 random bits that only its opener was told, and the user where it was opened over the Unix socket."),
        ("to_process", "ExportBuffer", "Narrows who may import; the token alone would do."),
        ("secret", "OpenProcess", "Only its opener knows it."),
        ("share_token", "ImportBuffer", "128 random bits, from whoever had the buffer."),
        ("device",
            "AddRdmaDevice AllocCoherent AllocNoncontiguous AllocPages Attach AttachDynamic CreatePool DmaRead DmaWrite MapPage MapPhys "
            + "MapResource MapSg MapSgtable QueryDma SetDmaMask SyncSingleForCpu SyncSingleForDevice UnmapPhys UnregisterDevice",
            "Own devices and the T=0 emu0, which reaches what is shared (R9): GuestDevices.FindFor."),
        ("rdma_device", "AddRdmaDevice AllocPd", "An HCA gives no way to memory but by regions over one's own."),
        ("address",
            "Load Madvise Mincore Mlock MmapAnonymous Mprotect Mremap Msync Munmap MunmapRange PinUserPages RegUserMr Store",
            "Of the process' own address space."),
        ("new_address", "Mremap", "Of the process' own address space."),
        ("iova", "RegDmabufMr RegUserMr", "What the region calls its first byte; nothing is looked up by it."),
        ("phys", "GivePages MapPage MapPhys MapResource ReadPages SgEntry WritePages",
            "Pages that the process took, or MMIO, which is no memory: GuestDmaApi asks ProcessDma.Find."),
        ("dma_address", "DmaRead DmaWrite FreeToPool SyncSingleForCpu SyncSingleForDevice UnmapPhys",
            "Through the device's view: shared pages for T=0 (R9), all for T=1, which takes a right; or a live mapping of one's own."),
        ("path", "OpenFile", "Nodes of the guest's own tree, which has neither /dev/mem nor another process' files."),
        ("fd",
            "Attach AttachDynamic ConvertBuffer CreateFence ExportBuffer ExportSyncFile ImportSyncFile Ioctl MergeSyncFile MigrateBuffer "
            + "Mmap PollBuffer RegDmabufMr Release SetBufferName SignalTimeline StatBuffer SyncBuffer SyncFileInfo",
            "Of the process' own table."),
        ("fd2", "MergeSyncFile", "Of the process' own table."),
        ("sync_fd", "ImportSyncFile", "Of the process' own table."),
        ("listener_fd", "ProgramStart", "Of the caller's own process, taken from the peer of the Unix socket only."),
        ("pid", "ProgramStart", "Only over the Unix socket, whose peer has every right."),
        ("uid", "ProgramStart", "What the program is told that it is; nothing is decided by it."),
        ("gid", "ProgramStart", "What the program is told that it is; nothing is decided by it."),
        ("attachment", "Detach MapDmaBuf PinBuffer UnmapDmaBuf UnpinBuffer", "Of the process' own."),
        ("allocation", "FreeAllocation MmapAllocation ReadAllocation WriteAllocation", "Of the process' own."),
        ("mapping", "SyncSgtableForCpu SyncSgtableForDevice UnmapSgtable", "Of the process' own."),
        ("pool", "AllocFromPool DestroyPool FreeToPool", "Of the process' own."),
        ("pd", "DeallocPd RegDmabufMr RegUserMr", "Of the process' own."),
        ("key", "DeregMr", "Of the process' own."),
        ("pin", "UnpinUserPages", "Of the process' own."),
        ("argument", "Ioctl", "An address inside the bytes that came along; outside of them it faults."),
        ("command", "Ioctl", "A request to a file that the process has open."),
        ("program", "ProgramStart", "For the report."),
        ("expires_after_nanoseconds", "ExportBuffer", "A day at most; without the right the token ends with its maker."),
        .. new[]
        {
            "access", "advice", "align", "attrs", "boundary", "by", "cpu", "data", "data_read_only", "direction", "dma_mask", "end",
            "entries", "events", "exit_code", "fd_flags", "fd_floor", "fd_limit", "flags", "heap", "heap_flags", "kind", "left_running",
            "len", "length", "min_align_mask", "mode", "n", "name", "new_length", "offset", "old_length", "page_offset",
            "patience_nanoseconds", "prot", "size", "start", "strict", "timeout_nanoseconds", "use", "value", "write",
        }.Select(name => (name, Any, "A quantity, a choice or a name: what it is about stands in another field.")),
    ];

    /// <summary>Whether the field of a request was reviewed.</summary>
    public static bool Has(string request, string field) => Rows.Any(r => r.Field == field
        && (r.Requests == Any || r.Requests.Split(' ').Contains(ShortOf(request))));

    /// <summary>Rows that name a request without that field.</summary>
    public static IEnumerable<string> Unused(IReadOnlyCollection<(string Request, string Field)> all) => Rows.SelectMany(r =>
        (r.Requests != Any
            ? r.Requests.Split(' ')
            : all.Where(f => f.Field == r.Field).Select(f => ShortOf(f.Request)).DefaultIfEmpty("").Take(1))
            .Where(name => !all.Any(f => f.Field == r.Field && ShortOf(f.Request) == name))
            .Select(name => $"{name}.{r.Field}"));

    private static string ShortOf(string request) =>
        request.EndsWith("Request", StringComparison.Ordinal) ? request[..^"Request".Length] : request;
}
