using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Tests.Machine.Properties;

/// <content>Frames: each is free, reserved, leaked or exactly one holder's, and shared only if it has to be.</content>
internal sealed partial class Audit
{
    private enum Kind : byte
    {
        Nobody,
        Reserved,
        SharedInPlace,
        Private,
        Shared,
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

        foreach (PinnedPage pinned in _guest.Pins.Pinned)
        {
            if (pinned.Block is { } block)
            {
                Occupy(block);
            }
        }

        foreach (DmaBuf moving in _guest.Buffers.All.Where(b => b.Move is not null))
        {
            foreach (Chunk chunk in moving.Move!.Target)
            {
                Take(chunk.Range, Kind.Private, "a move");
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
            ReferenceEquals(backing, expected),
            $"frame {chunk.Frame} has backing {backing?.Id}, its buffer {memory.Inode} has {expected?.Id}");
    }

    private IEnumerable<OwnPage> OwnPages() =>
        _guest.Processes.All.SelectMany(p => p.Addresses.Pages.Values)
            .Concat(_guest.Pins.Pinned.Where(p => p.Own is not null).Select(p => p.Own!));

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
}
