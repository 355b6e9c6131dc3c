using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Mapping;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// Who made a dma-buf and owns its memory: one per heap node, udmabuf, DRM driver.
/// Models: the exporter's name and ops (<see cref="ExporterTraits"/>), CPU access as heaps do it, and the release of the memory.
/// </summary>
/// <param name="name"><c>exp_name</c> in fdinfo and bufinfo.</param>
/// <param name="traits">Its ops.</param>
internal abstract class Exporter(string name, ExporterTraits traits)
{
    /// <summary><c>exp_name</c>.</summary>
    public string Name { get; } = name;

    /// <summary>Ops and their answers.</summary>
    public ExporterTraits Traits { get; } = traits;

    /// <summary>
    /// begin_cpu_access: every mapped attachment is synced for the CPU, newest first (S-SYS-44). None without the op (S-TEE-03).
    /// </summary>
    public virtual Failure? BeginCpuAccess(DmaBuf buffer, DmaMapper dma, DmaDirection direction)
    {
        SyncAttachments(buffer, dma, direction, forCpu: true);
        return null;
    }

    /// <summary>end_cpu_access: every mapped attachment is synced for its device (S-SYS-45).</summary>
    public virtual Failure? EndCpuAccess(DmaBuf buffer, DmaMapper dma, DmaDirection direction)
    {
        SyncAttachments(buffer, dma, direction, forCpu: false);
        return null;
    }

    /// <summary>The last reference of the dma-buf is gone: gives the memory back. Under the guest's lock.</summary>
    public abstract void Release(DmaBuf buffer);

    private void SyncAttachments(DmaBuf buffer, DmaMapper dma, DmaDirection direction, bool forCpu)
    {
        if (!Traits.CpuAccess)
        {
            return;
        }

        foreach (Attachment attachment in buffer.Attachments)
        {
            if (attachment.Live)
            {
                dma.SyncSg(attachment.Device, buffer.Segments, attachment.DmaAddresses, direction, forCpu);
            }
        }
    }
}
