using System.Globalization;
using System.Security.Cryptography;
using CocoGuest.Machine;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Views;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>
/// All of a guest's state as lines of text, in a fixed order: two guests, or one before and after a call, are in the same state if the
/// lines are the same. History is left out: counters, logs, traces, and the numbers that the next object gets.
/// Memory is shown by hashes of what the guest and what the host sees of each frame that is in use and not zero in both views.
/// Does not show: direct-map entry sizes (a failed conversion may leave them split, S-SETM-13).
/// </summary>
internal static class StateDump
{
    private const int SlotBytes = 1 << SwiotlbPool.SlotShift;

    /// <summary>The lines. Leaked frames are shown as free ones, so that a leak alone is no difference.</summary>
    public static IReadOnlyList<string> Of(Guest guest)
    {
        using (guest.Core.Gate.Hold())
        {
            var lines = new List<string> { Line($"alive {guest.Core.Gate.Begin() is null}") };
            foreach (GuestProcess process in guest.Processes.All.OrderBy(p => p.Pid))
            {
                AddProcess(lines, guest, process);
            }

            lines.AddRange(guest.Files.InFlight.Select(f => Line($"token {Text(f)}")).Order(StringComparer.Ordinal));
            HashSet<ulong> leaked = AddFrames(lines, guest);
            AddStates(lines, guest, leaked);
            AddPool(lines, guest);
            AddContents(lines, guest, leaked);
            return lines;
        }
    }

    private static void AddProcess(List<string> lines, Guest guest, GuestProcess process)
    {
        string p = Line($"process {process.Pid}");
        lines.Add(p);
        lines.AddRange(process.Fds.OpenFds().Select(fd =>
            Line($"{p} fd {fd} {process.Fds.IsCloseOnExec(fd)}: {Text(process.Fds.Find(fd)!)}")));
        lines.AddRange(process.Addresses.Ascending().Select(v =>
            Line($"{p} vma {v.Start:x}-{v.End:x} {v.Offset} {v.Protection} {v.Private} {(v.File is null ? "" : Text(v.File))}")));
        lines.AddRange(process.Addresses.Pages.OrderBy(a => a.Key).Select(a =>
            Line($"{p} page {a.Key:x} {a.Value.Frame} {a.Value.Mappers} {a.Value.Pins}")));
        lines.AddRange(process.Attachments.OrderBy(a => a.Key).Select(a => Line($"{p} {Text(a.Value)}")));
        lines.AddRange(process.Devices.Select(d => Line($"{p} device {d.Name}")));
        lines.AddRange(process.Vmaps.OrderBy(v => v.Key.Inode).Select(v => Line($"{p} vmap {v.Key.Inode} {v.Value}")));
        lines.Add(Line($"{p} pinned bytes {process.PinnedBytes}, vgem fences {Text(guest.Fences.FindVgemFile(process)?.Attached ?? [])}"));
    }

    private static string Text(Attachment attachment) => Line(
        $"attachment {attachment.Id} {attachment.GuestDevice.Name} {Text(attachment.Buffer)} {attachment.Mapped} {Addresses(attachment)}");

    private static string Addresses(Attachment attachment) => attachment.Live ? string.Join(',', attachment.DmaAddresses) : "";

    private static string Text(GuestFile file)
    {
        string memory = file is MemoryFile frames ? Chunks(frames) : "";
        return Line($"{file.Kind} {file.Inode} refs {file.References} {file.Access}{memory} {Inside(file)}");
    }

    private static string Inside(GuestFile file) => file switch
    {
        DmaBuf b => Line($"{b.Name} pins {b.Pins} vmaps {b.Vmaps} {b.Move is not null} fences {Text(b.Fences.Of(FenceUsage.Bookkeep))}"),
        ShmemFile m => Line($"{m.Size} {m.Seals} {string.Join(',', m.Content.Select(p => Line($"{p.Block.Frame}x{p.References}")))}"),
        SyncFile s => Text(s.Fences),
        FenceTimeline t => Line($"at {t.Value} {Text(t.Pending)}"),
        DrmFile d => string.Join(',', d.Handles.Select(h => Line($"{h}: {Text(d.Find(h)!)} cached {d.CachedBuffer(h)?.Inode}"))),
        GemObject g => Line($"handles {g.Handles} exported {g.DmaBuf?.Inode} imported {g.Import?.Id} {g.FakeOffset} ")
            + Text(g.Fences.Of(FenceUsage.Bookkeep)),
        _ => "",
    };

    private static string Text(IEnumerable<Fence> fences) =>
        string.Join(',', fences.Select(f => Line($"{f.Context}:{f.Seqno}={f.Status}")));

    private static string Chunks(MemoryFile memory) =>
        Line($" {memory.Size} {memory.Shared} {memory.Backing?.Id} ")
            + string.Join(',', memory.Chunks.Select(c => Line($"{c.Frame}^{c.Order}")));

    // Free frames as runs. What belongs to nobody and is not free is leaked.
    private static HashSet<ulong> AddFrames(List<string> lines, Guest guest)
    {
        HashSet<ulong> leaked = guest.SystemHeap.LeakedBytes == 0 ? [] : [.. new Audit(guest, faulty: true).Leaked()];
        foreach (FrameRange ram in guest.Memory.Layout.Ranges)
        {
            ulong start = ram.First;
            for (ulong frame = ram.First; frame <= ram.End; frame++)
            {
                bool free = frame < ram.End && (guest.Frames.IsFree(frame) || leaked.Contains(frame));
                if (!free && frame > start)
                {
                    lines.Add(Line($"free {start}-{frame}"));
                }

                start = free ? start : frame + 1;
            }
        }

        return leaked;
    }

    private static void AddStates(List<string> lines, Guest guest, HashSet<ulong> leaked)
    {
        foreach (FrameRange ram in guest.Memory.Layout.Ranges)
        {
            (PageCondition Condition, bool GuestShared)? last = null;
            for (ulong frame = ram.First; frame < ram.End; frame++)
            {
                if (leaked.Contains(frame))
                {
                    continue;
                }

                PageStateInfo info = guest.Pages.Describe(frame);
                if (last != (info.Condition, info.GuestShared))
                {
                    lines.Add(Line($"state from {frame}: {info.Condition} {info.GuestShared}"));
                    last = (info.Condition, info.GuestShared);
                }
            }
        }
    }

    private static void AddPool(List<string> lines, Guest guest)
    {
        if (guest.Dma.DefaultPool is { } pool)
        {
            for (uint slot = 0; slot < pool.Slots; slot++)
            {
                if (pool.FreeRun(slot) == 0)
                {
                    lines.Add(Line($"slot {slot} of {pool.OriginalOf(slot):x}"));
                }
            }
        }
    }

    // Boot memory nobody can reach; a leaked frame is as good as free.
    private static void AddContents(List<string> lines, Guest guest, HashSet<ulong> leaked)
    {
        Span<byte> bytes = stackalloc byte[(int)Page.Size];
        foreach (FrameRange ram in guest.Memory.Layout.Ranges)
        {
            for (ulong frame = Math.Max(ram.First, guest.Memory.Layout.Firmware.End); frame < ram.End; frame++)
            {
                if (!guest.Frames.IsFree(frame) && !leaked.Contains(frame))
                {
                    ViewAccessor own = guest.Pages.IsShared(frame) ? ViewAccessor.GuestSharedMapping : ViewAccessor.GuestPrivateMapping;
                    string seen = Hash(guest, own, frame, bytes);
                    string host = Hash(guest, ViewAccessor.HostRead, frame, bytes);
                    if (seen.Length + host.Length != 0)
                    {
                        lines.Add(Line($"content of {frame}: guest {seen}, host {host}"));
                    }
                }
            }
        }
    }

    // Nothing for zeros. A view that faults is not looked through, since that would be an event of the guest's.
    private static string Hash(Guest guest, ViewAccessor accessor, ulong frame, Span<byte> bytes)
    {
        if (guest.Access.CellOf(accessor, frame).Outcome == ViewOutcome.Fault)
        {
            return "fault";
        }

        using var plan = new AccessPlan();
        Violation.Unless(
            guest.Access.Plan(plan, accessor, Page.AddressOf(frame), Page.Size, write: false, "dump") is null,
            $"frame {frame} cannot be read");
        plan.Read(bytes);
        ClearFreeSlots(guest, frame, bytes);
        return bytes.IndexOfAnyExcept((byte)0) < 0 ? "" : Convert.ToHexString(SHA256.HashData(bytes)[..8]);
    }

    // What was bounced once stays in a slot that is free (S-SWI-35), and is nobody's.
    private static void ClearFreeSlots(Guest guest, ulong frame, Span<byte> bytes)
    {
        if (guest.Dma.DefaultPool is not { } pool || !pool.Contains(Page.AddressOf(frame)))
        {
            return;
        }

        for (int at = 0; at < bytes.Length; at += SlotBytes)
        {
            uint slot = (uint)((Page.AddressOf(frame) + (ulong)at - pool.Start) >> SwiotlbPool.SlotShift);
            if (pool.FreeRun(slot) != 0)
            {
                bytes.Slice(at, SlotBytes).Clear();
            }
        }
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
