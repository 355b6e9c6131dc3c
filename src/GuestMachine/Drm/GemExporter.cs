using CocoGuest.Machine.Dma;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Drm;

/// <summary>
/// Exporter of the DRM devices (S-GPU-05): the dma-buf holds a reference on its GEM object.
/// Models: mapping without CPU sync, kept until detach up to 6.12 (S-GPU-12), no CPU-access ops. The name is the module's, for all devices.
/// </summary>
internal sealed class GemExporter(KernelProfile kernel) : Exporter("drm", new ExporterTraits(MmapStyle.Fault)
{
    CpuAccess = false,
    CachesMappings = kernel.DrmKeepsMappings,
    MapAttributes = DmaAttributes.SkipCpuSync,
    UnmapAttributes = DmaAttributes.SkipCpuSync,
})
{
    private readonly Dictionary<DmaBuf, GemObject> _objects = [];

    /// <summary>The dma-buf shows this object, on which it takes a reference.</summary>
    public void Add(DmaBuf buffer, GemObject gem)
    {
        gem.References++;
        _objects.Add(buffer, gem);
    }

    /// <summary>The object behind a dma-buf, or null when another exporter made it.</summary>
    public GemObject? Find(DmaBuf buffer) => _objects.GetValueOrDefault(buffer);

    /// <inheritdoc/>
    public override void Release(DmaBuf buffer)
    {
        if (_objects.Remove(buffer, out GemObject? gem))
        {
            GuestFiles.Put(gem);
        }
    }
}
