namespace CocoGuest.Machine.Rdma;

/// <summary>Access bits of a memory region (S-RDMA-02).</summary>
[Flags]
public enum RdmaAccess : uint
{
    /// <summary>Local read only.</summary>
    None = 0,

    /// <summary>LOCAL_WRITE.</summary>
    LocalWrite = 1,

    /// <summary>REMOTE_WRITE.</summary>
    RemoteWrite = 2,

    /// <summary>REMOTE_READ.</summary>
    RemoteRead = 4,

    /// <summary>REMOTE_ATOMIC.</summary>
    RemoteAtomic = 8,

    /// <summary>MW_BIND.</summary>
    WindowBind = 16,

    /// <summary>ZERO_BASED.</summary>
    ZeroBased = 32,

    /// <summary>ON_DEMAND.</summary>
    OnDemand = 64,

    /// <summary>HUGETLB.</summary>
    HugeTlb = 128,

    /// <summary>FLUSH_GLOBAL.</summary>
    FlushGlobal = 256,

    /// <summary>FLUSH_PERSISTENT.</summary>
    FlushPersistent = 512,

    /// <summary>RELAXED_ORDERING.</summary>
    RelaxedOrdering = 1 << 20,
}
