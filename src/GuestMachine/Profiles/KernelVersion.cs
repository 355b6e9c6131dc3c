namespace CocoGuest.Machine.Profiles;

/// <summary>The guest kernel: one of the profiles of S-UP-20 (and "6.12", S-REC-30).</summary>
public enum KernelVersion
{
    /// <summary>6.12 as recorded.</summary>
    V612 = 0,
    /// <summary>P0: 6.19, no series, with the bug that patch 1 of the seed repairs.</summary>
    V619 = 1,
    /// <summary>P1: the seed series v1 applied to 6.19.</summary>
    SeedV1 = 2,
    /// <summary>P2: 7.1 as merged.</summary>
    V71 = 3,
    /// <summary>P2b: 7.2.</summary>
    V72 = 4,
    /// <summary>P3: 7.3.</summary>
    V73 = 5,

    /// <summary>6.12 with the seed series ported by hand: the kernel of the recordings named "handport" (S-REC). Not served.</summary>
    V612Seed = 6,
}
