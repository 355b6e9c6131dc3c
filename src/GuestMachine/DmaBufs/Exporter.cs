namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// Who made a dma-buf and owns its memory: one per heap node, udmabuf, DRM driver.
/// Models: the exporter's name and ops (<see cref="ExporterTraits"/>) and the release of the memory.
/// </summary>
/// <param name="name"><c>exp_name</c> in fdinfo and bufinfo.</param>
/// <param name="traits">Its ops.</param>
internal abstract class Exporter(string name, ExporterTraits traits)
{
    /// <summary><c>exp_name</c>.</summary>
    public string Name { get; } = name;

    /// <summary>Ops and their answers.</summary>
    public ExporterTraits Traits { get; } = traits;

    /// <summary>The last reference of the dma-buf is gone: gives the memory back. Under the guest's lock.</summary>
    public abstract void Release(DmaBuf buffer);
}
