using CocoGuest.Client;
using CocoGuest.RdmaImporter.Keys;

namespace CocoGuest.RdmaImporter;

/// <summary>A registered region and the mapping that it holds.</summary>
/// <param name="Key">The lkey.</param>
/// <param name="Region">What the key stands for.</param>
/// <param name="Mapping">The device's mapping of the dma-buf.</param>
internal sealed record Registration(uint Key, MemoryRegion Region, DeviceMapping Mapping)
{
    /// <summary>Equal to the lkey; 0 when no remote access is allowed (S-RDMA-30).</summary>
    public uint Rkey => AccessRules.AllowsRemote(Region.Access) ? Key : 0;
}
