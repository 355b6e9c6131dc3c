namespace CocoGuest.Machine.Heaps;

/// <summary>Which implementation is behind a heap's node.</summary>
public enum HeapKind
{
    /// <summary>The system heap: <c>system</c> and <c>system_cc_shared</c>.</summary>
    System = 0,

    /// <summary>A CMA heap.</summary>
    Cma = 1,

    /// <summary>A protected heap of a TEE driver.</summary>
    Tee = 2,
}
