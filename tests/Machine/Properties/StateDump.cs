using System.Globalization;
using CocoGuest.Machine;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>
/// All of a guest's state as lines of text, in a fixed order: two guests, or one before and after a call, are in the same state if the lines
/// are the same. History is left out: counters, logs, traces, and the numbers that the next object gets.
/// Does not show: contents of memory, direct-map entry sizes (a failed conversion may leave them split, S-SETM-13).
/// </summary>
internal static class StateDump
{
    /// <summary>The lines. Leaked frames are shown as free ones, so that a leak alone is no difference.</summary>
    public static IReadOnlyList<string> Of(Guest guest)
    {
        lock (guest.Gate)
        {
            var lines = new List<string> { Line($"alive {guest.CheckAlive() is null}") };
            foreach (GuestProcess process in guest.Processes.All.OrderBy(p => p.Pid))
            {
                AddProcess(lines, process);
            }

            lines.AddRange(guest.Files.InFlight.Select(f => Line($"token {Text(f)}")).Order(StringComparer.Ordinal));
            HashSet<ulong> leaked = AddFrames(lines, guest);
            AddStates(lines, guest, leaked);
            AddPool(lines, guest);
            return lines;
        }
    }

    private static void AddProcess(List<string> lines, GuestProcess process)
    {
        string p = Line($"process {process.Pid}");
        lines.Add(p);
        lines.AddRange(process.Fds.OpenFds().Select(fd => Line($"{p} fd {fd} {process.Fds.IsCloseOnExec(fd)}: {Text(process.Fds.Find(fd)!)}")));
        lines.AddRange(process.Addresses.Ascending().Select(v =>
            Line($"{p} vma {v.Start:x}-{v.End:x} {v.Offset} {v.Protection} {v.Private} {(v.File is null ? "" : Text(v.File))}")));
        lines.AddRange(process.Addresses.Pages.OrderBy(a => a.Key).Select(a =>
            Line($"{p} page {a.Key:x} {a.Value.Frame} {a.Value.Mappers} {a.Value.Pins}")));
        lines.AddRange(process.Attachments.OrderBy(a => a.Key).Select(a => Line($"{p} {Text(a.Value)}")));
        lines.AddRange(process.Devices.Select(d => Line($"{p} device {d.Name}")));
    }

    private static string Text(Attachment attachment) => Line(
        $"attachment {attachment.Id} {attachment.GuestDevice.Name} {Text(attachment.Buffer)} {attachment.Mapped} {Addresses(attachment)}");

    private static string Addresses(Attachment attachment) => attachment.Live ? string.Join(',', attachment.DmaAddresses) : "";

    private static string Text(GuestFile file)
    {
        string memory = file is MemoryFile frames ? Chunks(frames) : "";
        return Line($"{file.Kind} {file.Inode} refs {file.References} {file.Access}{memory} {(file as DmaBuf)?.Name}");
    }

    private static string Chunks(MemoryFile memory) =>
        Line($" {memory.Size} {memory.Shared} {memory.Backing?.Id} {string.Join(',', memory.Chunks.Select(c => Line($"{c.Frame}^{c.Order}")))}");

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

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
