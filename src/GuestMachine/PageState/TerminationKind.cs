namespace CocoGuest.Machine.PageState;

/// <summary>How a guest can end by what happens to its pages.</summary>
public enum TerminationKind
{
    /// <summary>It asked the hypervisor to end it, with a reason (S-SNP-33, S-SNP-37).</summary>
    Request = 0,
    /// <summary>Its kernel panicked (S-SNP-13, S-S390-02).</summary>
    Panic = 1,
    /// <summary>It cannot run on: the exit cannot be resolved (S-PLAT-12, S-PLAT-13), or it waits for a host that never answers.</summary>
    Stuck = 2,
}
