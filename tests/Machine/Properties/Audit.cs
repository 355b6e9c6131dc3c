using CocoGuest.Machine;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Processes;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>
/// Checks a guest against itself, without a model beside it: everything is walked from its roots (fds, mappings, importers, tokens, pins),
/// and what is found there has to explain every reference, every frame, every shared page and every bounce slot.
/// Does not check: contents, and whether an answer was the right one; the reference model does (<see cref="Census"/>).
/// </summary>
internal sealed class Audit
{
    private readonly Guest _guest;
    private readonly bool _faulty;
    private readonly bool _statesAreClaims;
    private readonly Dictionary<GuestFile, int> _references = [];
    private readonly Queue<GuestFile> _found = new();
    private readonly Dictionary<DmaBuf, int> _attachments = [];
    private readonly HashSet<OwnPage> _ownPages = [];
    private readonly HashSet<ShmemPage> _shmemPages = [];
    private readonly Kind[] _frames;

    /// <param name="guest">The guest.</param>
    /// <param name="faulty">Faults were injected: guest and host may disagree, and memory may leak.</param>
    public Audit(Guest guest, bool faulty = false)
    {
        _guest = guest;
        _faulty = faulty;

        // A plain guest has no page states, and the recordings' laboratory converts nothing while it claims nothing.
        _statesAreClaims = !guest.Platform.Encrypted || guest.Shape.Platform == Platform.Lab;
        _frames = new Kind[Page.FrameOf(guest.Memory.Layout.EndAddress)];
    }

    private enum Kind : byte
    {
        Nobody,
        Reserved,
        SharedInPlace,
        Private,
        Shared,
    }

    /// <summary>Checks everything; throws <see cref="Violation"/>.</summary>
    public void Check()
    {
        lock (_guest.Gate)
        {
            Clear();
            Walk();
            CheckReferences();
            CheckAttachments();
            Occupy();
            CheckFrames();
            CheckSlots();
        }
    }

    /// <summary>Frames that are neither free nor anybody's.</summary>
    public IReadOnlyList<ulong> Leaked()
    {
        lock (_guest.Gate)
        {
            Clear();
            Walk();
            Occupy();
            var leaked = new List<ulong>();
            foreach (FrameRange ram in _guest.Memory.Layout.Ranges)
            {
                for (ulong frame = ram.First; frame < ram.End; frame++)
                {
                    if (_frames[frame] == Kind.Nobody && !_guest.Frames.IsFree(frame))
                    {
                        leaked.Add(frame);
                    }
                }
            }

            return leaked;
        }
    }

    /// <summary>One check of a guest.</summary>
    public static void Check(Guest guest, bool faulty = false) => new Audit(guest, faulty).Check();

    private void Clear()
    {
        _references.Clear();
        _attachments.Clear();
        _ownPages.Clear();
        _shmemPages.Clear();
        Array.Clear(_frames);
    }

    private void Walk()
    {
        foreach (GuestProcess process in _guest.Processes.All)
        {
            Violation.Unless(process.Alive, $"process {process.Pid} is listed and dead");
            foreach (int fd in process.Fds.OpenFds())
            {
                Hold(process.Fds.Find(fd)!);
            }

            foreach (Vma vma in process.Addresses.Ascending())
            {
                _ = vma.File is { } file && Hold(file);
            }

            foreach (Attachment attachment in process.Attachments.Values)
            {
                Hold(attachment);
            }
        }

        foreach (GuestFile file in _guest.Files.InFlight.Concat(_guest.Natives.Held.Select(n => n.File)))
        {
            Hold(file);
        }

        while (_found.TryDequeue(out GuestFile? file))
        {
            FollowFrom(file);
        }
    }

    private bool Hold(GuestFile file)
    {
        if (!_references.TryAdd(file, 1))
        {
            _references[file]++;
            return true;
        }

        _found.Enqueue(file);
        return true;
    }

    private void Hold(Attachment attachment)
    {
        Hold(attachment.Buffer);
        _attachments[attachment.Buffer] = _attachments.GetValueOrDefault(attachment.Buffer) + 1;
        Violation.Unless(
            attachment.Buffer.Attachments.Contains(attachment), $"attachment {attachment.Id} is not on the list of buffer {attachment.Buffer.Inode}");
    }

    // Files that hold files.
    private void FollowFrom(GuestFile file)
    {
        switch (file)
        {
            case DrmFile client:
                foreach (uint handle in client.Handles)
                {
                    Hold(client.Find(handle)!);
                    _ = client.CachedBuffer(handle) is { } cached && Hold(cached);
                }

                break;
            case GemObject gem:
                _ = gem.DmaBuf is { } exported && Hold(exported);
                if (gem.Import is { } import)
                {
                    Hold(import);
                }

                break;
            case DmaBuf { Exporter: GemExporter exporter } buffer:
                _ = exporter.Find(buffer) is { } shown && Hold(shown);
                break;
            default:
                break;
        }
    }

    // Each reference has a holder, and nothing without a holder is alive.
    private void CheckReferences()
    {
        int buffers = 0;
        foreach ((GuestFile file, int references) in _references)
        {
            buffers += file is DmaBuf ? 1 : 0;
            Violation.Unless(
                file.References == references, $"{file.Kind} {file.Inode} has {file.References} references, but {references} holders were found");
        }

        Violation.Unless(_guest.Buffers.Live == buffers, $"{_guest.Buffers.Live} buffers are alive, but {buffers} can be reached");
    }

    private void CheckAttachments()
    {
        foreach (GuestFile file in _references.Keys)
        {
            if (file is DmaBuf buffer)
            {
                int held = _attachments.GetValueOrDefault(buffer);
                Violation.Unless(
                    buffer.Attachments.Count == held, $"buffer {buffer.Inode} lists {buffer.Attachments.Count} attachments, importers hold {held}");
            }
        }
    }

    private void Occupy()
    {
        RamLayout layout = _guest.Memory.Layout;
        Take(layout.Firmware, Kind.Reserved, "the first MiB");
        Take(layout.Pool, Kind.SharedInPlace, "the pool");
        Take(layout.Cma, Kind.Reserved, "the cma area");
        foreach (GuestFile file in _references.Keys)
        {
            Occupy(file);
        }

        foreach (OwnPage page in OwnPages())
        {
            if (_ownPages.Add(page))
            {
                Take(new FrameRange(page.Frame, 1), Kind.Private, "a process");
            }
        }
    }

    private void Occupy(GuestFile file)
    {
        switch (file)
        {
            case DmaBuf { Exporter: Udmabuf maker }:
                foreach (ShmemPage page in maker.Pages)
                {
                    Occupy(page);
                }

                break;
            case ShmemFile shmem:
                foreach (ShmemPage page in shmem.Content)
                {
                    Occupy(page);
                }

                break;

            // A GEM object owns what its dma-buf shows.
            case DmaBuf { Exporter: GemExporter }:
                break;
            case MemoryFile memory:
                foreach (Chunk chunk in memory.Chunks)
                {
                    Occupy(memory, chunk);
                }

                break;
            default:
                break;
        }
    }

    private void Occupy(ShmemPage page)
    {
        if (_shmemPages.Add(page))
        {
            Take(page.Block.Range, Kind.Private, "a memfd");
        }
    }

    private void Occupy(MemoryFile memory, Chunk chunk)
    {
        FrameRange cma = _guest.Memory.Layout.Cma;
        if (chunk.Frame - cma.First < cma.Count)
        {
            _frames.AsSpan((int)chunk.Frame, (int)chunk.Pages).Clear(); // Reserved before; now once, by this buffer.
        }

        Take(chunk.Range, memory.Shared ? Kind.Shared : Kind.Private, memory.Kind);
        MemoryBacking? backing = _guest.Memory.FindBacking(chunk.Frame, out _, out _);
        MemoryBacking? expected = memory.PrivateBacking is { } own && !_guest.Pages.IsShared(chunk.Frame) ? own : memory.Backing;
        Violation.Unless(
            ReferenceEquals(backing, expected), $"frame {chunk.Frame} has backing {backing?.Id}, its buffer {memory.Inode} has {expected?.Id}");
    }

    private IEnumerable<OwnPage> OwnPages() =>
        _guest.Processes.All.SelectMany(p => p.Addresses.Pages.Values).Concat(_guest.Pins.Pinned.Where(p => p.Own is not null).Select(p => p.Own!));

    private void Take(FrameRange range, Kind kind, string owner)
    {
        Span<Kind> frames = _frames.AsSpan((int)range.First, (int)range.Count);
        int taken = frames.IndexOfAnyExcept(Kind.Nobody);
        Violation.Unless(taken < 0, $"frame {range.First + (ulong)Math.Max(taken, 0)} belongs to {owner} and to somebody else");
        frames.Fill(kind);
    }

    // Every frame is free, reserved, somebody's, or leaked; and only what has to be shared is shared.
    private void CheckFrames()
    {
        ulong free = 0;
        ulong leaked = 0;
        foreach (FrameRange ram in _guest.Memory.Layout.Ranges)
        {
            for (ulong frame = ram.First; frame < ram.End; frame++)
            {
                Kind kind = _frames[frame];
                bool isFree = _guest.Frames.IsFree(frame);
                if (isFree && kind != Kind.Nobody)
                {
                    Violation.Now($"frame {frame} is free and in use ({kind})");
                }

                free += isFree ? 1UL : 0;
                bool isLeaked = !isFree && kind == Kind.Nobody;
                leaked += isLeaked ? 1UL : 0;
                CheckState(frame, kind, isFree);
            }
        }

        Violation.Unless(_guest.Frames.FreeFrames == free, $"{_guest.Frames.FreeFrames} frames are counted as free, {free} are");
        Violation.Unless(
            leaked == Page.FrameOf(_guest.SystemHeap.LeakedBytes),
            $"{leaked} frames belong to nobody, {Page.FrameOf(_guest.SystemHeap.LeakedBytes)} are counted as leaked");
    }

    private void CheckState(ulong frame, Kind kind, bool isFree)
    {
        if (_faulty || _statesAreClaims || kind is Kind.SharedInPlace)
        {
            return;
        }

        bool shared = _guest.Pages.IsShared(frame);
        if (shared != (kind == Kind.Shared))
        {
            Violation.Now($"frame {frame} is {(shared ? "shared" : "private")}, but {(isFree ? "free" : kind)}");
        }

        if (shared && !_guest.Pages.Describe(frame).Agrees)
        {
            Violation.Now($"frame {frame} ({kind}): guest and host do not agree");
        }
    }

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
            }
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

    private ulong BytesIn(SwiotlbPool pool, Attachment attachment)
    {
        ulong bytes = 0;
        SgEntry[] segments = attachment.Buffer.Segments;
        for (int i = 0; i < segments.Length; i++)
        {
            ulong phys = _guest.Dma.Environment.Encoding.Physical(attachment.DmaAddresses[i]);
            if (pool.Contains(phys))
            {
                uint slot = (uint)((phys - pool.Start) >> SwiotlbPool.SlotShift);
                ulong original = pool.OriginalOf(slot);
                Violation.Unless(
                    original == segments[i].Phys && pool.FreeRun(slot) == 0,
                    $"slot {slot} of attachment {attachment.Id} is of 0x{original:x}, not of 0x{segments[i].Phys:x}");
                bytes += segments[i].Length;
            }
        }

        return bytes;
    }
}
