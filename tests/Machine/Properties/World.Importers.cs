using System.Collections.Immutable;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Tests.Machine.Properties.Model;

namespace CocoGuest.Tests.Machine.Properties;

/// <content>Attach, map, sync; devices and processes.</content>
internal sealed partial class World
{
    private const ulong SyncRead = 1;
    private const ulong SyncWrite = 2;
    private const ulong SyncEnd = 4;

    private string Attach(Random dice)
    {
        if (Pick(dice, Model.Fds) is not { } fd)
        {
            return None;
        }

        ModelDevice device = Pick(dice, [.. Model.Devices.Where(d => d.Pid == fd.Pid || d.Name == DeviceSpec.BuiltInName)])!;
        Result<ImportedBuffer> result = Guest.Importers.Attach(ProcessOf(fd.Pid), fd.Fd, device.Name);
        Must(result.Failure);
        Violation.Unless(result.Value.Size == Model.Buffers[fd.Inode].Size, $"attached {result.Value}");
        Model = Model with
        {
            Attachments = Model.Attachments.Add(
                new ModelAttachment(fd.Pid, result.Value.Attachment, fd.Inode, device, false, false, DmaDirection.Bidirectional, [])),
        };
        return result.Value.ToString();
    }

    // Mostly those that the step can do something with.
    private ImmutableList<ModelAttachment> Attachments(Random dice, bool mapped) =>
        dice.Next(5) == 0 ? Model.Attachments : Model.Attachments.FindAll(a => a.Mapped == mapped);

    private string Map(Random dice)
    {
        if (Pick(dice, Attachments(dice, mapped: false)) is not { } attachment)
        {
            return None;
        }

        var direction = (DmaDirection)dice.Next(3);
        ModelBuffer buffer = Model.Buffers[attachment.Inode];
        bool bounces = !buffer.Shared && !attachment.Device.Trusted;
        bool poolUsed = Model.Attachments.Exists(a => a.Bounced);
        Result<DmaMapping> result = Guest.Importers.Map(ProcessOf(attachment.Pid), attachment.Id, direction, (uint)dice.Next(2));
        if (attachment.Mapped)
        {
            return MustFail(result.Failure, Errno.EBUSY);
        }

        if (bounces)
        {
            // Even a mapping that fails in the middle has copied its first entries.
            Markers.Declassify(Shadow.Cpu(buffer.Inode));
        }

        bool tooLarge = bounces && buffer.Chunks.Any(c => c.Bytes > SwiotlbPool.SegmentBytes);
        if (tooLarge || (bounces && poolUsed && !result.Ok))
        {
            return MustFail(result.Failure, Errno.EIO);
        }

        Must(result.Failure);
        DmaMapping mapping = result.Value;
        Violation.Unless(mapping.Bounced == bounces, $"bounced {mapping.Bounced}, expected {bounces}");
        Violation.Unless(
            (mapping.Backing is not null) == (buffer.Shared && !attachment.Device.Mediated),
            $"backing {mapping.Backing?.Id} of {attachment}");
        if (mapping.Backing is { } backing)
        {
            _backings[buffer.Inode] = backing;
        }

        ModelAttachment mapped = attachment with
        {
            Mapped = true,
            Bounced = bounces,
            Direction = direction,
            Addresses = [.. Enumerable.Range(0, mapping.Count).Select(mapping.AddressOf)],
        };
        Model = Model with { Attachments = Model.Attachments.Replace(attachment, mapped) };
        if (bounces)
        {
            Shadow.Map(mapped);
        }

        return Text($"{mapped.Id}: {string.Join(',', mapped.Addresses)}");
    }

    private string Unmap(Random dice)
    {
        if (Pick(dice, Attachments(dice, mapped: true)) is not { } attachment)
        {
            return None;
        }

        return attachment.Mapped
            ? UnmapOne(attachment)
            : MustFail(Guest.Importers.Unmap(ProcessOf(attachment.Pid), attachment.Id), Errno.EINVAL);
    }

    private string UnmapOne(ModelAttachment attachment)
    {
        Must(Guest.Importers.Unmap(ProcessOf(attachment.Pid), attachment.Id));
        UnmapShadow(attachment);
        ModelAttachment unmapped = attachment with { Mapped = false, Bounced = false, Addresses = [] };
        Model = Model with { Attachments = Model.Attachments.Replace(attachment, unmapped) };
        return Text($"{attachment.Id}");
    }

    private void UnmapShadow(ModelAttachment attachment)
    {
        if (attachment.Bounced && attachment.Direction != DmaDirection.ToDevice)
        {
            Shadow.ToBuffer(attachment);
        }
    }

    private string Detach(Random dice)
    {
        if (Pick(dice, Attachments(dice, mapped: false)) is not { } attachment)
        {
            return None;
        }

        return attachment.Mapped
            ? MustFail(Guest.Importers.Detach(ProcessOf(attachment.Pid), attachment.Id), Errno.EBUSY)
            : DetachOne(attachment);
    }

    private string DetachOne(ModelAttachment attachment)
    {
        Must(Guest.Importers.Detach(ProcessOf(attachment.Pid), attachment.Id));
        Model = Model.Detached(attachment);
        return Text($"{attachment.Id}");
    }

    private string Sync(Random dice)
    {
        if (Pick(dice, Model.Fds) is not { } fd)
        {
            return None;
        }

        ulong flags = (uint)dice.Next(1, 4) | (dice.Next(2) == 0 ? SyncEnd : 0);
        bool end = (flags & SyncEnd) != 0;
        Result<SyncOutcome> result = Guest.Importers.Sync(ProcessOf(fd.Pid), fd.Fd, flags);
        Must(result.Failure);
        ulong moved = 0;
        if ((flags & (end ? SyncWrite : SyncRead)) != 0)
        {
            // Newest attachment first, so the oldest one's data wins (S-BUF-66).
            IEnumerable<ModelAttachment> bounced = Model.Attachments.Where(a => a.Inode == fd.Inode && a.Bounced);
            foreach (ModelAttachment attachment in bounced.OrderByDescending(a => a.Id))
            {
                moved += Model.Buffers[fd.Inode].Size;
                SyncShadow(attachment, end);
            }
        }

        Violation.Unless(result.Value == new SyncOutcome(end ? 0 : moved, end ? moved : 0),
            $"sync {flags} moved {result.Value}, expected {moved}");
        return result.Value.ToString();
    }

    private void SyncShadow(ModelAttachment attachment, bool end)
    {
        if (end)
        {
            Markers.Declassify(Shadow.Cpu(attachment.Inode));
            Shadow.ToDevice(attachment);
        }
        else
        {
            Shadow.ToBuffer(attachment);
        }
    }

    private string Open()
    {
        if (Model.Processes.Count >= MostProcesses)
        {
            return None;
        }

        Result<CocoGuest.Machine.Files.GuestProcess> result = Guest.Processes.Open(Text($"p{++_names}"));
        Must(result.Failure);
        _processes.Add(result.Value.Pid, result.Value);
        Model = Model with { Processes = Model.Processes.Add(result.Value.Pid) };
        return Text($"{result.Value.Pid}");
    }

    private string End(Random dice)
    {
        uint pid = dice.Next(4) == 0 ? Test.Init.Pid : Model.Processes[^1];
        return pid == Test.Init.Pid ? MustFail(Guest.Processes.End(Test.Init), Errno.EPERM) : EndProcess(pid);
    }

    private string EndProcess(uint pid)
    {
        Must(Guest.Processes.End(ProcessOf(pid)));
        foreach (ModelAttachment attachment in Model.Attachments.Where(a => a.Pid == pid).OrderByDescending(a => a.Id))
        {
            UnmapShadow(attachment);
        }

        Model = Model.Ended(pid);
        MustFail(Guest.Buffers.Release(ProcessOf(pid), 3), Errno.ENOENT);
        return Text($"{pid}");
    }

    private string Register(Random dice)
    {
        if (Model.Devices.Count >= MostDevices)
        {
            return None;
        }

        uint pid = AnyProcess(dice);
        var device = new ModelDevice(pid, Text($"d{++_names}"), Trusted: dice.Next(3) == 0, Mediated: dice.Next(3) == 0);
        Must(Guest.Devices.Register(ProcessOf(pid), new DeviceSpec
        {
            Name = device.Name,
            Trusted = device.Trusted,
            Mediated = device.Mediated,
            MinAlignMask = dice.Next(3) == 0 ? 4095UL : 0,
        }).Failure);
        Model = Model with { Devices = Model.Devices.Add(device) };
        return device.Name;
    }

    private string Unregister(Random dice)
    {
        ModelDevice device = Pick(dice, Model.Devices)!;
        return device.Name == DeviceSpec.BuiltInName
            ? MustFail(Guest.Devices.Unregister(ProcessOf(device.Pid), device.Name), Errno.EPERM)
            : UnregisterOne(device);
    }

    private string UnregisterOne(ModelDevice device)
    {
        Must(Guest.Devices.Unregister(ProcessOf(device.Pid), device.Name));
        foreach (ModelAttachment attachment in Model.Attachments.Where(a => a.Device == device).OrderByDescending(a => a.Id))
        {
            UnmapShadow(attachment);
        }

        Model = Model.Unregistered(device);
        return device.Name;
    }
}
