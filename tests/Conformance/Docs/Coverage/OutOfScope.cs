namespace CocoGuest.Tests.Conformance.Docs.Coverage;

/// <summary>Statements without a test, and why. A statement leaves this table when a test cites it.</summary>
internal static class OutOfScope
{
    /// <summary>Number to reason, one sentence each.</summary>
    public static IReadOnlyDictionary<string, string> Reasons { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["S-DMA-38"] = "CPU caches have no observable effect on x86 and the machine models memory, not caches.",
        ["S-DMA-43"] = "The machine maps physical addresses; there is no kernel virtual address that could be a vmalloc one.",
        ["S-HEAP-06"] = "A 32-bit caller has the same structure and entry, so nothing tells the two apart.",
        ["S-DMA-73"] = "The machine has no DMA IOMMU, so no device is behind one; T=0 devices map directly or bounce.",
        ["S-BUF-33"] =
            "A kernel function that drivers use on behalf of their own files; the modelled DRM nodes map their objects themselves.",
        ["S-BUF-51"] = "A rule for authors of drivers; importers get addresses and lengths from the machine and nothing else.",
        ["S-BUF-77"] = "Entry of 32-bit callers: the machine takes commands and structures, not calls of a width.",
        ["S-HEAP-50"] = "A count of the kernel's own self-test, a program; the machine does not run programs (coco run will).",
        ["S-GPU-09"] =
            "The simulated GPU's queue neither waits for nor adds implicit fences; who needs the order passes sync files (S-BUF-72 to 75), "
            + "which follow S-RESV-02.",
        ["S-PIN-04"] = "A pin is made under the guest's lock in one piece, so no signal can arrive between two of its pages.",
        ["S-PIN-07"] = "Anonymous memory never comes from a CMA area or a movable zone here, so no pin has to move it.",
        ["S-PIN-36"] = "Importers get a copy of the table, as from a kernel with dma-buf debugging; the exporter's own is never shortened.",
        ["S-PLAT-20"] = "What callers may assume, not what happens; the bytes shown are those of S-PLAT-21.",
        ["S-SNP-07"] = "The host's own list of leaked pages, which no guest sees.",
        ["S-HEAP-43"] = "Boot cannot fail half-way here: a guest whose heaps cannot be registered is not created.",
        ["S-HEAP-49"] = "A naming rule of kernel documentation for people who add heaps, without behaviour.",
        ["S-BUF-01"] = "Exporters are types of the machine, which cannot lack an operation or be unloaded.",
        ["S-ENC-04"] =
            "The cipher of TDX shows nowhere, because the host reads zeros (S-PLAT-12); one engine serves all platforms (S-ENC-06).",
        ["S-ENC-07"] = "A guest has one key slot; which numbers other guests may get shows nowhere in it.",
        ["S-SEV-02"] = "The machine fetches no instructions and walks no page tables.",
        ["S-SNP-27"] = "Guests run at VMPL 0 without an SVSM.",
        ["S-TDX-10"] = "Calls for attestation, exceptions and metadata, which nothing in the machine makes.",
        ["S-RDMA-08"] = "Page faults of one driver (mlx5); the simulated HCA maps at registration.",
        ["S-RDMA-13"] = "The attribute structures of uverbs are another subsystem; the simulated HCA has its own protocol.",
        ["S-RDMA-14"] = "Behaviour of a user library (rdma-core) and its parent domains, which runs outside the machine.",
        ["S-RDMA-17"] = "Queue memory belongs to uverbs; the simulated HCA's queues live in its own process.",
        ["S-RDMA-18"] = "Argument rules of a uverbs ioctl; the simulated HCA has its own protocol.",
        ["S-RDMA-19"] = "The simulated HCA has no re-registration.",
        ["S-RDMA-20"] = "Helpers of a user library (rdma-core), which runs outside the machine.",
        ["S-RDMA-21"] = "Which real drivers pin; the simulated HCA maps at registration and heap buffers never move.",
        ["S-SWI-31"] = "The decision tables choose a bounce only where a pool is active, so no modelled guest gets there.",
        ["S-SWI-36"] = "How the copying CPU is mapped; the bytes that arrive are pinned by S-SWI-34 and S-SWI-40.",
        ["S-SWI-60"] = "Dynamic pools are a build option that is off by default and in the modelled kernels (S-SWI-63).",
        ["S-SWI-61"] = "Transient pools exist only with the build option of S-SWI-60, which is off.",
        ["S-SWI-85"] = "Pools made after boot exist only with the build option of S-SWI-60, which is off.",
        ["S-REC-40"] = "Says what the recordings cannot show.",
        ["S-UNV-01"] = "A remark on evidence, settled since; the behaviour is S-DMA-33.",
        ["S-UNV-02"] = "A remark on evidence, settled since; the behaviour is S-SWI-80, 81 and 84.",
        ["S-UNV-03"] = "A remark on evidence, settled since; the behaviour is S-HEAP-48.",
        ["S-UNV-04"] = "A remark on evidence, settled since; the behaviour is S-HEAP-53.",
        ["S-UNV-05"] = "An open question about 6.15, a kernel without a profile.",
        ["S-UNV-06"] = "An open question about releases without a profile; the behaviour is S-TRC-61.",
        ["S-UNV-07"] = "A remark on evidence, settled since; the behaviour is S-TEE-07.",
        ["S-UNV-13"] = "A remark on evidence; the behaviour is in S-HEAP-05 and S-BUF-14, 12, 35, 36.",
        ["S-UNV-14"] = "A remark on evidence, settled since; the behaviour is S-HEAP-42.",
        ["S-UNV-15"] = "A remark on evidence, settled since; the behaviour is S-UP-23.",
        ["S-UNV-16"] = "A remark on which source was read for which file.",
        ["S-UNV-17"] = "A remark on evidence about a user library, settled since.",
        ["S-UNV-18"] = "A remark on evidence, settled since; the behaviour is S-SEV-05.",
        ["S-UNV-19"] = "A remark on kernels whose source was not at hand.",
        ["S-UNV-20"] = "A remark on what was not run; the recordings have answered most of it (S-REC-50 to 58).",
        ["S-UNV-21"] = "An open question about stable releases without a profile.",
        ["S-UNV-22"] = "A remark on the packages in which the source was read.",
        ["S-UP-03"] = "Opinions in a mail thread, without behaviour.",
        ["S-UP-05"] = "When a patch was merged; the behaviour is S-DMA-37.",
        ["S-UP-06"] = "Mailing-list versions between v1 and v5, none of which is a profile.",
        ["S-UP-08"] = "When the series was merged, without behaviour.",
        ["S-UP-11"] = "When the RDMA refusal was merged; the behaviour is S-RDMA-16 and S-PIN-20.",
        ["S-UP-12"] = "What a user library (rdma-core) does with the heap.",
        ["S-UP-17"] = "Lists extras that the modelled kernels do not have.",
    };
}
