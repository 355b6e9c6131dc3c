namespace CocoGuest.Machine.PageState.Views;

/// <summary>Who gets the event of a fault.</summary>
public enum FaultReceiver
{
    /// <summary>Nobody, for now: the damage shows at a later access.</summary>
    Nobody = 0,
    /// <summary>The guest's kernel: #VC, #VE, an abort.</summary>
    Guest = 1,
    /// <summary>The host's kernel or hypervisor: #NPF, EPT violation, #PF, a granule or stage-2 fault.</summary>
    Hypervisor = 2,
    /// <summary>The user-space VMM: a memory-fault exit.</summary>
    Vmm = 3,
    /// <summary>The IOMMU's log; the device sees its transaction fail.</summary>
    Iommu = 4,
    /// <summary>Whoever reads: a machine check.</summary>
    Accessor = 5,
}
