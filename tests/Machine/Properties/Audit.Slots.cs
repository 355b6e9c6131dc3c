using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Rdma;

namespace CocoGuest.Tests.Machine.Properties;

/// <content>Bounce slots: each is used by exactly one live mapping, of a buffer, of a udmabuf's own device or of a memory region.</content>
internal sealed partial class Audit
{
    private void CheckSlots()
    {
        if (_guest.Dma.DefaultPool is not { } pool)
        {
            return;
        }

        ulong live = 0;
        foreach (GuestFile file in _references.Keys)
        {
            if (file is DmaBuf buffer)
            {
                live += buffer.Attachments.Where(a => a.Live).Aggregate(0UL, (sum, a) => sum + BytesIn(pool, a));
                live += buffer.Exporter is Udmabuf { CpuMapping: { } own }
                    ? BytesIn(pool, buffer.Segments, own, "a udmabuf's own device")
                    : 0;
            }
        }

        foreach (RegionHolding region in _guest.Rdma.Holdings.Where(r => r.Mapped is not null))
        {
            live += BytesIn(pool, _guest.Pins.Table(region.Pin!.Value), [.. region.Mapped!.Select(e => e.Phys)], "a memory region");
        }

        SwiotlbCounters counters = pool.Snapshot();
        Violation.Unless(counters.LiveBytes == live, $"{counters.LiveBytes} bytes live in the pool, mappings have {live}");
        uint used = 0;
        for (uint slot = 0; slot < pool.Slots; slot++)
        {
            used += pool.FreeRun(slot) == 0 ? 1u : 0;
        }

        Violation.Unless(counters.UsedSlots == used, $"{counters.UsedSlots} slots are counted as used, {used} are");
        Violation.Unless(live != 0 || used == 0, $"{used} slots are used by nobody");
    }

    private ulong BytesIn(SwiotlbPool pool, Attachment attachment) =>
        BytesIn(pool, attachment.Buffer.Segments, attachment.DmaAddresses, $"attachment {attachment.Id}");

    private ulong BytesIn(SwiotlbPool pool, SgEntry[] segments, IReadOnlyList<ulong> addresses, string owner)
    {
        ulong bytes = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            ulong phys = _guest.Dma.Environment.Encoding.Physical(addresses[i]);
            if (pool.Contains(phys))
            {
                uint slot = (uint)((phys - pool.Start) >> SwiotlbPool.SlotShift);
                ulong original = pool.OriginalOf(slot);
                Violation.Unless(
                    original == segments[i].Phys && pool.FreeRun(slot) == 0,
                    $"slot {slot} of {owner} is of 0x{original:x}, not of 0x{segments[i].Phys:x}");
                bytes += segments[i].Length;
            }
        }

        return bytes;
    }
}
