using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Rdma;

namespace CocoGuest.Tests.Machine.Properties;

/// <content>Counts of pages, pins, kernel mappings, GEM objects and memory regions: each is what its holders add up to.</content>
internal sealed partial class Audit
{
    private readonly Dictionary<OwnPage, (int Mappers, int Pins)> _pageUsers = [];
    private readonly Dictionary<ShmemPage, int> _blockUsers = [];

    private void CheckPages()
    {
        CountPages();
        foreach ((OwnPage page, (int mappers, int pins)) in _pageUsers)
        {
            Violation.Unless(
                page.Mappers == mappers && page.Pins == pins,
                $"page {page.Frame} counts {page.Mappers} mappers and {page.Pins} pins, it has {mappers} and {pins}");
        }

        foreach ((ShmemPage block, int users) in _blockUsers)
        {
            Violation.Unless(
                block.References == users,
                $"shared memory at frame {block.Block.Frame} counts {block.References} references, it has {users}");
        }
    }

    private void CountPages()
    {
        _pageUsers.Clear();
        _blockUsers.Clear();
        foreach (OwnPage page in _guest.Processes.All.SelectMany(p => p.Addresses.Pages.Values))
        {
            (int mappers, int pins) = _pageUsers.GetValueOrDefault(page);
            _pageUsers[page] = (mappers + 1, pins);
        }

        foreach (PinnedPage pinned in _guest.Pins.Pinned)
        {
            if (pinned.Own is { } page)
            {
                (int mappers, int pins) = _pageUsers.GetValueOrDefault(page);
                _pageUsers[page] = (mappers, pins + 1);
            }
            else
            {
                Use(pinned.Block!);
            }
        }

        foreach (GuestFile file in _references.Keys)
        {
            IEnumerable<ShmemPage> blocks = file switch
            {
                ShmemFile shmem => shmem.Content,
                DmaBuf { Exporter: Udmabuf maker } => maker.Pages,
                _ => [],
            };
            foreach (ShmemPage block in blocks)
            {
                Use(block);
            }
        }
    }

    private void Use(ShmemPage block) => _blockUsers[block] = _blockUsers.GetValueOrDefault(block) + 1;

    // Pins and kernel mappings of buffers.
    private void CheckCounts()
    {
        foreach (GuestFile file in _references.Keys)
        {
            if (file is not DmaBuf buffer)
            {
                continue;
            }

            long pins = buffer.Exporter.Traits.Movable ? buffer.Attachments.Sum(a => a.Pins + (a.PinnedByMap ? 1L : 0)) : 0;
            long vmaps = _guest.Processes.All.Sum(p => p.Vmaps.GetValueOrDefault(buffer));
            Violation.Unless(
                buffer.Pins == pins && buffer.Vmaps == vmaps,
                $"buffer {buffer.Inode} counts {buffer.Pins} pins and {buffer.Vmaps} kernel mappings, it has {pins} and {vmaps}");
            Violation.Unless(
                buffer.Move is not { } move || move.Importers.All(a => buffer.Attachments.Contains(a) && a.Live),
                $"the move of buffer {buffer.Inode} waits for an importer that has let go");
        }
    }

    private void CheckObjects()
    {
        DrmFile[] clients = [.. _references.Keys.OfType<DrmFile>()];
        GemObject[] objects = [.. _references.Keys.OfType<GemObject>()];
        foreach (GemObject gem in objects)
        {
            int handles = clients.Sum(c => c.Handles.Count(h => ReferenceEquals(c.Find(h), gem)));
            Violation.Unless(gem.Handles == handles, $"GEM object {gem.Inode} counts {gem.Handles} handles, clients have {handles}");
        }

        foreach (DrmDevice device in _guest.Drm.Devices)
        {
            int found = objects.Count(o => ReferenceEquals(o.Device, device));
            Violation.Unless(
                device.Objects == found, $"device {device.Driver.Name} counts {device.Objects} objects, {found} can be reached");
        }

        foreach (DrmFile client in clients)
        {
            foreach (uint handle in client.Handles)
            {
                Violation.Unless(
                    client.CachedBuffer(handle) is not { } cached || client.CachedHandle(cached) == handle,
                    $"handle {handle} of client {client.Inode} is cached for a buffer that is cached for another");
            }
        }
    }

    private void CheckRegions()
    {
        RegionHolding[] regions = [.. _guest.Rdma.Holdings];
        foreach (RegionHolding region in regions)
        {
            Violation.Unless(region.Owner.Alive, $"memory region 0x{region.Shown.Key:x} outlived process {region.Owner.Pid}");
        }

        foreach (GuestProcess process in _guest.Processes.All)
        {
            ulong bytes = regions.Where(r => ReferenceEquals(r.Owner, process)).Aggregate(0UL, (sum, r) => sum + r.PinnedBytes);
            Violation.Unless(
                process.PinnedBytes == bytes,
                $"process {process.Pid} counts {process.PinnedBytes} pinned bytes, its memory regions have {bytes}");
        }
    }
}
