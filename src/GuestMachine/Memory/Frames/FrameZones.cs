using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Memory.Frames;

/// <summary>
/// The frames of a guest in the zones of x86: below 16 MiB, below 4 GiB, above. An allocation takes from the highest zone that has room.
/// Models: the fallback from zone to zone of an ordinary kernel allocation. Does not model: watermarks, lowmem reserves.
/// </summary>
/// <remarks>Without <see cref="FragmentationPolicy.HighZoneFirst"/> all memory is one zone, lowest address first (S-UNV-55).</remarks>
internal sealed class FrameZones
{
    private static readonly ulong[] Borders = [Page.FrameOf(16UL << 20), Page.FrameOf(1UL << 32)];
    private readonly List<(ulong First, BuddyAllocator Frames)> _zones = [];

    public FrameZones(IReadOnlyList<FrameRange> ranges, bool highFirst)
    {
        if (!highFirst)
        {
            _zones.Add((0, new BuddyAllocator(ranges)));
            return;
        }

        ulong end = ulong.MaxValue;
        foreach (ulong border in Borders.Reverse().Append(0UL))
        {
            FrameRange[] part = [.. ranges.Select(r => Cut(r, border, end)).Where(r => r.Count > 0)];
            if (part.Length > 0)
            {
                _zones.Add((border, new BuddyAllocator(part)));
            }

            end = border;
        }
    }

    /// <summary>Free frames of all zones.</summary>
    public ulong FreeFrames
    {
        get
        {
            ulong free = 0;
            foreach ((_, BuddyAllocator frames) in _zones)
            {
                free += frames.FreeFrames;
            }

            return free;
        }
    }

    /// <summary>True when the frame is RAM and free.</summary>
    public bool IsFree(ulong frame) => ZoneOf(frame).IsFree(frame);

    /// <summary>Takes 2^order frames.</summary>
    public bool TryAllocate(int order, out ulong frame) => TryAllocate(order, ulong.MaxValue, out frame);

    /// <summary>Takes 2^order frames from zones that begin below a frame: what a zone flag of the kernel asks for.</summary>
    public bool TryAllocate(int order, ulong below, out ulong frame)
    {
        foreach ((ulong first, BuddyAllocator frames) in _zones)
        {
            if (first < below && frames.TryAllocate(order, out frame))
            {
                return true;
            }
        }

        frame = 0;
        return false;
    }

    /// <summary>Gives 2^order frames back.</summary>
    public void Free(ulong frame, int order) => ZoneOf(frame).Free(frame, order);

    /// <summary>Takes a boot-time area.</summary>
    public bool TryReserve(FrameRange range)
    {
        foreach ((ulong first, BuddyAllocator frames) in _zones)
        {
            FrameRange part = Cut(range, first, range.End);
            if (part.Count > 0 && !frames.TryReserve(part))
            {
                return false;
            }

            range = range with { Count = range.Count - part.Count };
        }

        return true;
    }

    private static FrameRange Cut(FrameRange range, ulong first, ulong end)
    {
        ulong from = Math.Max(range.First, first);
        ulong to = Math.Min(range.End, end);
        return new FrameRange(from, to > from ? to - from : 0);
    }

    private BuddyAllocator ZoneOf(ulong frame)
    {
        foreach ((ulong first, BuddyAllocator frames) in _zones)
        {
            if (frame >= first)
            {
                return frames;
            }
        }

        throw new ArgumentOutOfRangeException(nameof(frame), frame, "No zone has this frame.");
    }
}
