namespace CocoGuest.RdmaImporter.Keys;

/// <summary>Access bits of a memory region (S-RDMA-02).</summary>
[Flags]
internal enum AccessFlags : uint
{
    None = 0,
    LocalWrite = 1,
    RemoteWrite = 2,
    RemoteRead = 4,
    RemoteAtomic = 8,
    MwBind = 16,
    ZeroBased = 32,
    OnDemand = 64,
    HugeTlb = 128,
    FlushGlobal = 256,
    FlushPersistent = 512,
    RelaxedOrdering = 1 << 20,
}
